/**
 * Conversations that nobody has thought of: requests drawn by a seed, in pipelines and transactions, some of which fail, whatever is skipped behind them.
 * Everything that a session keeps is in them: named statements and the unnamed one, parameters of all kinds. Who draws them knows what there is, so that
 * nothing is said that the pooler answers otherwise (see corpus.ts). In every fourth something may keep the server.
 */

import { Random } from '../../src/relay/random.ts'
import * as raw from '../support/raw-messages.ts'
import { dated } from './neighbour.ts'
import { run, type Transcript } from './transcript.ts'

export function randomTranscripts(seed: number, count: number): Transcript[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, index) => ({
    family: 'drawn',
    name: `${index + 1} of seed ${seed}`,
    ...new Drawing(random.fork(index), index % 4 === 3).draw(),
  }))
}

interface Request {
  readonly bytes: Buffer
  /** How many ReadyForQuery answer it. */
  readonly owed: number
}

interface Part {
  readonly bytes: Buffer
  /** What is behind it in its group is skipped. */
  readonly fails: boolean
}

const names = ['s', 't', 'a', 'own'] as const

const state = `select current_setting('work_mem'), current_setting('TimeZone'), current_setting('DateStyle'), current_setting('statement_timeout'),
  coalesce(current_setting('app.tenant', true), '')`

const settings: Readonly<Record<string, readonly string[]>> = {
  work_mem: ['1MB', '2MB', '3MB'],
  timezone: ['UTC', 'Asia/Tokyo', 'Europe/Berlin'],
  datestyle: ['ISO, MDY', 'SQL, DMY', 'German, DMY'],
  statement_timeout: ['30min', '1h'],
  'app.tenant': ['one', 'two', ''],
}

/** What keeps the server, and what gives it back. */
const pins = [
  'create temp table if not exists scratch (id int)',
  'select pg_advisory_lock(1)',
  'select pg_advisory_unlock_all()',
  'close all; declare held cursor with hold for select generate_series(1, 3)',
  'close all',
  'discard temp',
]
const kept = `select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  (select count(*) from pg_cursors where is_holdable), to_regclass('pg_temp.scratch')::text`

const refused = raw.parse('selec 1', 'refused')

class Drawing {
  readonly #random: Random
  readonly #named = new Set<string>()
  /** There is an unnamed statement, as far as anybody knows; PostgreSQL keeps one whose successor was skipped, the pooler need not. */
  #hasUnnamed = false
  #status: 'idle' | 'open' | 'failed' = 'idle'
  #number = 0
  readonly #isPinning: boolean

  constructor(random: Random, isPinning: boolean) {
    this.#random = random
    this.#isPinning = isPinning
  }

  draw(): Pick<Transcript, 'steps' | 'isPinning'> {
    return { steps: this.#steps(), isPinning: this.#isPinning }
  }

  #steps(): Transcript['steps'] {
    const drawn = Array.from({ length: this.#random.integer(3, 10) }, () => this.#step())
    const last = [...(this.#status === 'idle' ? [] : [this.#query('rollback')]), this.#query(state)]
    return [...drawn, last].map((requests) => {
      const owed = requests.reduce((sum, request) => sum + request.owed, 0)
      return [raw.all(...requests.map(({ bytes }) => bytes)), 'Z', owed] as const
    })
  }

  /** What is sent in one write. */
  #step(): Request[] {
    return Array.from({ length: this.#random.pick([1, 1, 2, 3, 5, 8]) }, () => this.#request())
  }

  #request(): Request {
    if (this.#status === 'failed') return this.#inFailed()
    const kind = this.#random.integer(1, 20)
    if (kind <= 3) return this.#control()
    if (kind <= 6) return this.#query(this.#random.pick([state, this.#set(), this.#set()]))
    if (kind === 7) return this.#deallocate()
    if (kind === 8) return this.#query("select fail('q')", true)
    if (kind === 9 && this.#isPinning) return this.#query(this.#pinning())
    if (kind === 10 && this.#random.chance(0.4)) return this.#reset()
    return this.#group()
  }

  #query(text: string, fails = false): Request {
    this.#hasUnnamed = false
    if (fails && this.#status === 'open') this.#status = 'failed'
    return { bytes: raw.query(text), owed: 1 }
  }

  #pinning(): string {
    return this.#status === 'idle' ? this.#random.pick([...pins, kept]) : this.#random.pick([...pins.slice(0, 3), kept])
  }

  #reset(): Request {
    if (this.#status === 'open' || this.#random.chance(0.5)) return this.#query('reset all')
    this.#named.clear()
    return this.#query('discard all')
  }

  #deallocate(): Request {
    if (this.#random.chance(0.3)) {
      this.#named.clear()
      return this.#query('deallocate all')
    }
    const name = this.#random.pick(names)
    return this.#query(`deallocate ${name}`, !this.#named.delete(name))
  }

  /** Of transactions: by either protocol. */
  #control(): Request {
    const text = this.#status === 'idle' ? 'begin' : this.#random.pick(['commit', 'rollback', 'savepoint x'])
    if (this.#status === 'idle') this.#status = 'open'
    else if (text !== 'savepoint x') this.#status = 'idle'
    if (this.#random.chance(0.5)) return this.#query(text)
    this.#hasUnnamed = true
    return { bytes: raw.all(raw.statement(text), raw.sync), owed: 1 }
  }

  #inFailed(): Request {
    switch (this.#random.integer(1, 4)) {
      case 1:
        return this.#query(state)
      case 2:
        this.#hasUnnamed = false
        return { bytes: raw.all(raw.statement(this.#set()), raw.sync), owed: 1 }
      default: {
        this.#status = 'idle'
        return this.#query(this.#random.pick(['rollback', 'commit']))
      }
    }
  }

  /** Several parts, and their Sync. Once one has failed the rest is skipped, and nothing of it is known. */
  #group(): Request {
    const parts: Buffer[] = []
    let hasFailed = false
    for (let left = this.#random.integer(1, 6); left > 0; left--) {
      const part: Part = hasFailed ? this.#skipped() : this.#part()
      parts.push(part.bytes)
      hasFailed ||= part.fails
      if (this.#random.chance(0.1)) parts.push(raw.flush)
    }
    if (hasFailed && this.#status === 'open') this.#status = 'failed'
    return { bytes: raw.all(...parts, raw.sync), owed: 1 }
  }

  #skipped(): Part {
    const name = this.#random.pick(names)
    this.#hasUnnamed = false
    const bytes = this.#random.pick([
      raw.parse('select 1', name),
      raw.parse(this.#set()),
      raw.closeStatement(name),
      raw.closeStatement(''),
      run(name),
      raw.statement(this.#set()),
    ])
    return { bytes, fails: true }
  }

  #part(): Part {
    const name = this.#random.pick(names)
    switch (this.#random.integer(1, 12)) {
      case 1:
      case 2:
        return this.#parse(name)
      case 3:
      case 4:
      case 5:
        return { bytes: run(name), fails: !this.#named.has(name) }
      case 6:
        return { bytes: raw.describeStatement(name), fails: !this.#named.has(name) }
      case 7:
        this.#named.delete(name)
        return { bytes: raw.closeStatement(name), fails: false }
      case 8:
        return this.#unnamed()
      case 9:
        return this.#dated(name)
      case 10:
        return this.#fails()
      case 11:
        // It is there, but wants values.
        this.#hasUnnamed = false
        return { bytes: this.#given(), fails: false }
      default:
        this.#hasUnnamed = true
        return { bytes: raw.statement(this.#random.pick([state, this.#set(), this.#set()])), fails: false }
    }
  }

  #parse(name: string): Part {
    if (this.#named.has(name)) return { bytes: raw.parse('select 2', name), fails: true }
    this.#named.add(name)
    const text = this.#random.pick([state, `select ${++this.#number}`, 'select 7', this.#set(), this.#set()])
    return { bytes: raw.parse(text, name), fails: false }
  }

  /** That of an earlier group, maybe. */
  #unnamed(): Part {
    if (this.#hasUnnamed && this.#random.chance(0.6)) return { bytes: run(''), fails: false }
    this.#hasUnnamed = this.#random.chance(0.8)
    const bytes = this.#hasUnnamed
      ? raw.parse(this.#random.pick([state, 'select 8', this.#set()]))
      : raw.closeStatement('')
    return { bytes, fails: false }
  }

  /** Prepared, used and closed, so that it must be as it was prepared. */
  #dated(name: string): Part {
    if (this.#random.chance(0.5)) {
      this.#hasUnnamed = false
      return { bytes: raw.statement(dated), fails: false }
    }
    this.#named.delete(name)
    const close = raw.closeStatement(name)
    return { bytes: raw.all(close, raw.parse(dated, name), run(name), close), fails: false }
  }

  #fails(): Part {
    const fails = true
    if (this.#random.chance(0.3)) return { bytes: refused, fails }
    if (this.#random.chance(0.3)) return { bytes: raw.bind([], 'none'), fails }
    // It is there, with nothing about the session in it.
    this.#hasUnnamed = false
    return { bytes: raw.statement("select fail('x')"), fails }
  }

  /** set_config with all that it says in the Bind. */
  #given(): Buffer {
    const [name, value] = this.#setting()
    return raw.statement(`select set_config($1, $2, ${this.#random.pick(['true', 'false'])})`, [name, value])
  }

  #setting(): readonly [name: string, value: string] {
    const [name, values] = this.#random.pick(Object.entries(settings))
    return [name, this.#random.pick(values)]
  }

  #set(): string {
    const [name, value] = this.#setting()
    switch (this.#random.integer(1, 6)) {
      case 1:
        return `reset ${name}`
      case 2:
        return `set local ${name} = '${value}'`
      case 3:
        return `select set_config('${name}', '${value}', ${this.#random.pick(['true', 'false'])})`
      case 4:
        return `do $$ begin perform set_config('${name}', '${value}', ${this.#random.pick(['true', 'false'])}); end $$`
      default:
        return `set ${name} = '${value}'`
    }
  }
}
