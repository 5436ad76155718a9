/**
 * A text that comes in pieces, and so is not read as SQL. What it does to the session is asked of that; but what nothing undoes must be known, and is
 * looked for by its words. Data between them are not to be taken for such: a text of that length has many.
 */

import { type Effects, noEffects } from './effect.ts'

const words =
  /\bpg_(create|copy)_\w{1,20}_replication_slot\b|\bpg_replication_origin_session_setup\b|\bpg_(backup_start|start_backup)\b|\bsetseed\b|\bdblink_connect(_u)?\b|\bset_config"?\s{0,9}\(\s{0,9}e?'seed'|\bset\s{1,9}((session|local)\s{1,9})?"?seed\b|(^|;|\$|\bbegin\b|\bthen\b|\belse\b|\bloop\b)\s{0,9}load\s{0,9}(e?'|\$)/i

/** What stands in two pieces is no longer than this. */
const longest = 80

const found: Effects = [{ kind: 'indelible', what: 'LOAD, setseed or the like, in a long text' }]

export class LongText {
  /** The end of what has come. */
  #end = ''

  /** The first piece, from `from` to `to`. */
  begin(bytes: Buffer, from: number, to: number): Effects {
    this.#end = ''
    return this.goOn(bytes, from, to)
  }

  /** The next one; what was found. */
  goOn(bytes: Buffer, from: number, to: number): Effects {
    const text = this.#end + bytes.toString('latin1', from, to)
    this.#end = text.slice(-longest)
    return words.test(text) ? found : noEffects
  }
}
