/**
 * A text that comes in pieces, and so is not read as SQL. What it does to the session is asked of that; but what nothing undoes must be known, and is
 * looked for by its words. Data between them are not to be taken for such: a text of that length has many.
 */

import { type Effects, noEffects } from './effect.ts'

const blank = String.raw`(?:\s|\/\*[^*]{0,40}\*\/|--[^\n]{0,40}\n)`

const words = new RegExp(
  [
    String.raw`\bpg_(create|copy)_\w{1,20}_replication_slot\b`,
    String.raw`\bpg_replication_origin_session_setup\b`,
    String.raw`\bpg_(backup_start|start_backup)\b`,
    String.raw`\b(setseed|isn_weak)\b`,
    String.raw`\bdblink_connect(_u)?\b`,
    String.raw`\bset_config\W{1,20}seed\b`,
    String.raw`\bset${blank}{1,20}((session|local)${blank}{1,20})?"?seed\b`,
    String.raw`(^|[;$/\n]|\b(begin|then|else|loop)\b)\s{0,60}load\s{0,60}(e?\\?'|\$|--|\/\*)`,
    String.raw`\bu&["']`,
    String.raw`\bexecute${blank}{1,20}"?taxirank_`,
    String.raw`\bdefault_transaction_deferrable\b`,
    String.raw`\bcharacteristics\b[^;]{0,99}\bdeferrable\b`,
  ].join('|'),
  'i',
)

/** What stands in two pieces is no longer than this. */
const longest = 200

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
