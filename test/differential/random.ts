/**
 * Conversations that nobody has thought of: requests drawn by a seed, in pipelines and transactions, some of which fail, whatever is skipped behind them.
 * Everything that a session keeps is in them, and all that the protocol has. Who draws them knows what there is, so that nothing is said that the pooler
 * answers otherwise (see corpus.ts). In every fourth something may keep the server, and in another the startup packet says something.
 */

import { Random } from '../../src/relay/random.ts'
import * as raw from '../support/raw-messages.ts'
import type { Step } from '../support/step.ts'
import { DrawnSession } from './drawn-session.ts'
import * as texts from './drawn-texts.ts'
import { dated } from './neighbour.ts'
import { run, type Transcript } from './transcript.ts'

export function randomTranscripts(seed: number, count: number): Transcript[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, index) => ({
    family: 'drawn',
    name: `${index + 1} of seed ${seed}`,
    ...new Drawing(random.fork(index), index).draw(),
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
  /** How many CloseComplete answer it. */
  readonly closes?: number
}

const names = ['s', 't', 'a', 'own'] as const
const portals = ['p', 'q'] as const
const savepoints = ['x', 'y'] as const
const functions = { plus: 177, setConfig: 2078, none: 1 }
const refused = raw.parse('selec 1', 'refused')
const badRow = 'no number\n'

class Drawing {
  readonly #random: Random
  readonly #session = new DrawnSession()
  readonly #isPinning: boolean
  readonly #parameters: Readonly<Record<string, string>> | undefined
  #number = 0

  constructor(random: Random, index: number) {
    this.#random = random
    this.#isPinning = index % 4 === 3
    this.#parameters = index % 4 === 1 ? random.pick(texts.startups) : undefined
  }

  draw(): Pick<Transcript, 'steps' | 'isPinning' | 'parameters'> {
    const steps = Array.from({ length: this.#random.integer(3, 10) }, () => this.#steps()).flat()
    return { steps: [...steps, ...this.#last()], isPinning: this.#isPinning, parameters: this.#parameters }
  }

  #last(): Step[] {
    if (this.#session.status === 'idle' && this.#random.chance(0.1)) return [this.#goodbye()]
    const end = this.#session.status === 'idle' ? [] : [this.#query('rollback')]
    return [stepOf([...end, this.#query(texts.state)])]
  }

  /** In the middle of a group, which is rolled back. What it has set would be reported once more by the pooler, but not by PostgreSQL. */
  #goodbye(): Step {
    const parts = [raw.statement(texts.state), raw.statement("select fail('g')"), raw.parse('select 1', 'goodbye')]
    return [raw.all(this.#random.pick(parts), this.#random.pick(parts), raw.flush, raw.terminate), 'end']
  }

  /** What is sent in one write; in two, if a group is waited for in its middle. */
  #steps(): Step[] {
    if (this.#session.status !== 'failed' && this.#random.chance(0.15)) return this.#pausing()
    const requests = Array.from({ length: this.#random.pick([1, 1, 2, 3, 5, 8]) }, () => this.#request())
    return [stepOf(requests)]
  }

  #pausing(): Step[] {
    const first = this.#parts(this.#random.integer(1, 4))
    const until: Step = first.fails
      ? [raw.all(first.bytes, raw.flush), 'E']
      : [raw.all(first.bytes, raw.closePortal('none'), raw.flush), '3', 1 + (first.closes ?? 0)]
    const rest = this.#parts(this.#random.integer(0, 3), first.fails)
    this.#session.groupEnded()
    return [until, stepOf([{ bytes: raw.all(rest.bytes, raw.sync), owed: 1 }])]
  }

  #request(): Request {
    if (this.#session.status === 'failed') return this.#inFailed()
    switch (this.#random.integer(1, 24)) {
      case 1:
      case 2:
      case 3:
        return this.#control()
      case 4:
      case 5:
        return this.#query(this.#random.pick([texts.state, texts.place, this.#set(), this.#set()]))
      case 6:
        return this.#query(`${this.#set()}; ${this.#set()}`)
      case 7:
        return this.#deallocate()
      case 8:
        return this.#query(this.#random.pick(["select fail('q')", texts.drawSetInVain(this.#random)]), true)
      case 9:
        return this.#isPinning ? this.#pin() : this.#query(texts.state)
      case 10:
        return this.#random.chance(0.4) && !this.#parameters ? this.#reset() : this.#group()
      case 11:
        return this.#call()
      case 12:
        return this.#copy()
      case 13:
        return this.#query(this.#random.pick(texts.listenings))
      default:
        return this.#group()
    }
  }

  #query(text: string, fails = false): Request {
    if (fails) {
      this.#session.unnamed = null
      this.#session.failed()
    } else this.#session.queried(text)
    return { bytes: raw.query(text), owed: 1 }
  }

  #pin(): Request {
    const isIdle = this.#session.status === 'idle'
    if (this.#random.chance(0.7)) {
      return this.#query(this.#random.pick([...(isIdle ? texts.pins : texts.pinsInTransaction), texts.kept]))
    }
    const { hasPrepared } = this.#session
    const what = this.#random.pick(['prepare', 'execute', 'deallocate'])
    if (what === 'execute') return this.#query('execute sql', !hasPrepared)
    const isThere = what === 'prepare'
    if (isThere !== hasPrepared) this.#session.hasPrepared = isThere
    return this.#query(isThere ? `prepare sql as ${texts.state}` : 'deallocate sql', isThere === hasPrepared)
  }

  #reset(): Request {
    return this.#query(this.#session.status === 'open' || this.#random.chance(0.5) ? 'reset all' : 'discard all')
  }

  #deallocate(): Request {
    if (this.#random.chance(0.3)) return this.#query('deallocate all')
    const name = this.#random.pick(names)
    return this.#query(`deallocate ${name}`, !this.#session.named.delete(name))
  }

  /** It leaves the unnamed statement. */
  #call(): Request {
    const [name, value] = texts.drawSetting(this.#random)
    const isLocal = this.#random.pick(['t', 'f'])
    switch (this.#random.integer(1, 4)) {
      case 1:
        this.#session.failed()
        return { bytes: raw.functionCall(functions.none, []), owed: 1 }
      case 2:
        return { bytes: raw.functionCall(functions.plus, ['1', '2']), owed: 1 }
      default:
        return { bytes: raw.functionCall(functions.setConfig, [name, value, isLocal]), owed: 1 }
    }
  }

  #copy(): Request {
    const random = this.#random
    if (random.chance(0.3)) return this.#query('copy (select generate_series(1, 3)) to stdout')
    if (random.chance(0.1))
      return this.#query('copy (select 10 / (2 - n) from generate_series(1, 3) n) to stdout', true)
    if (random.chance(0.3)) {
      this.#session.unnamed = undefined
      const early = raw.all(raw.statement(texts.copyIn), raw.sync, ...this.#rows(), raw.copyDone, raw.sync)
      return { bytes: early, owed: 1 }
    }
    const { bytes, fails } = this.#copyData()
    return { bytes: raw.all(this.#query(texts.copyIn, fails).bytes, bytes), owed: 1 }
  }

  #copyData(): Part {
    const kind = this.#random.pick(['good', 'good', 'good', 'bad', 'failed'])
    const data = kind === 'bad' ? [...this.#rows(), raw.copyData(badRow)] : this.#rows()
    const end = kind === 'failed' ? raw.copyFail('no') : raw.copyDone
    return { bytes: raw.all(...data, end), fails: kind !== 'good' }
  }

  #rows(): Buffer[] {
    return Array.from({ length: this.#random.integer(0, 2) }, () => raw.copyData(`${++this.#number}\n`))
  }

  /** Of transactions: by either protocol. */
  #control(): Request {
    if (this.#session.status === 'idle' && this.#random.chance(0.15)) {
      this.#session.begun()
      return this.#query(`begin; ${texts.drawSetInVain(this.#random)}`, true)
    }
    const { text, fails } = this.#ended(this.#random.pick(this.#controls()))
    if (this.#random.chance(0.5)) return this.#query(text, fails)
    this.#session.unnamed = undefined
    this.#session.portals.delete('')
    return { bytes: raw.all(raw.statement(text), raw.sync), owed: 1 }
  }

  #controls(): string[] {
    const { status } = this.#session
    const known = savepoints.filter((name) => this.#session.has(name))
    const back = known.map((name) => `rollback to ${name}`)
    if (status === 'idle') return ['begin']
    if (status === 'failed') return ['rollback', 'commit', 'rollback and chain', ...back, ...back, ...back]
    return ['commit', 'rollback', 'commit and chain', ...savepoints.map((name) => `savepoint ${name}`), ...back].concat(
      known.map((name) => `release ${name}`),
    )
  }

  /** What it does to the transaction. */
  #ended(text: string): { readonly text: string; readonly fails: boolean } {
    const session = this.#session
    const savepoint = text.at(-1) ?? ''
    if (text === 'begin') session.begun()
    else if (text === 'rollback') session.rolledBack()
    else if (text.startsWith('rollback to')) session.rolledBackTo(savepoint)
    else if (text.startsWith('savepoint')) session.saved(savepoint)
    else if (text.startsWith('release')) session.released(savepoint)
    else {
      const isCommitted = text === 'rollback and chain' || session.commit()
      if (text.endsWith('chain') && isCommitted) {
        session.begun()
        session.chained()
      }
      return { text, fails: !isCommitted }
    }
    return { text, fails: false }
  }

  #inFailed(): Request {
    const name = this.#random.pick(names)
    switch (this.#random.integer(1, 8)) {
      case 1:
        return this.#query(texts.state, true)
      case 2:
        return this.#failedGroup(raw.statement(this.#set()))
      case 3:
        return this.#failedGroup(raw.parse(this.#random.pick(['select 7', texts.state]), name), run(name))
      case 4:
        this.#session.named.delete(name)
        return { bytes: raw.all(raw.closeStatement(name), raw.sync), owed: 1 }
      case 5:
        return this.#copyInFailed()
      default:
        return this.#control()
    }
  }

  #failedGroup(...parts: Buffer[]): Request {
    this.#session.unnamed = undefined
    return { bytes: raw.all(...parts, raw.sync), owed: 1 }
  }

  #copyInFailed(): Request {
    return { bytes: raw.all(this.#query(texts.copyIn, true).bytes, ...this.#rows(), raw.copyDone), owed: 1 }
  }

  /** Several parts, and their Sync. */
  #group(): Request {
    const { bytes } = this.#parts(this.#random.integer(1, 6))
    this.#session.groupEnded()
    return { bytes: raw.all(bytes, raw.sync), owed: 1 }
  }

  /** Once one has failed the rest is skipped, and nothing of it is known. */
  #parts(count: number, hasFailed = false): Part {
    const parts: Buffer[] = []
    let closes = 0
    let fails = hasFailed
    for (let index = 0; index < count; index++) {
      const part: Part = fails ? this.#skipped() : this.#part(index === 0)
      parts.push(part.bytes)
      closes += part.closes ?? 0
      if (part.fails && !fails) this.#session.failed()
      fails ||= part.fails
      if (this.#random.chance(0.1)) parts.push(raw.flush)
    }
    return { bytes: raw.all(...parts), fails, closes }
  }

  #skipped(): Part {
    const name = this.#random.pick(names)
    this.#session.unnamed = undefined
    const bytes = this.#random.pick([
      raw.parse('select 1', name),
      raw.parse(this.#set()),
      raw.closeStatement(name),
      raw.closeStatement(''),
      run(name),
      raw.statement(this.#set()),
      raw.query(this.#set()),
      raw.query(`deallocate ${name}`),
      raw.functionCall(functions.plus, ['1', '2']),
      raw.all(raw.statement(texts.copyIn), raw.copyData(badRow), raw.copyDone),
      raw.statement('deallocate all'),
    ])
    return { bytes, fails: true }
  }

  #part(isFirst: boolean): Part {
    const name = this.#random.pick(names)
    const { named } = this.#session
    switch (this.#random.integer(1, 20)) {
      case 1:
      case 2:
        return this.#parse(name)
      case 3:
      case 4:
      case 5:
        return this.#runs(name, named.get(name))
      case 6:
        return { bytes: raw.describeStatement(name), fails: !named.has(name) }
      case 7:
        named.delete(name)
        return { bytes: raw.closeStatement(name), fails: false, closes: 1 }
      case 8:
        return this.#unnamed()
      case 9:
        return this.#dated(name)
      case 10:
        return this.#fails()
      case 11:
        return this.#given()
      case 12:
      case 13:
        return this.#binds()
      case 14:
      case 15:
        return this.#executes()
      case 16:
        return this.#ofPortal()
      case 17:
        return this.#copies()
      case 18:
        return this.#dropsAll(isFirst)
      case 19:
        return this.#controlsWithin()
      default:
        return this.#states(this.#random.pick([texts.state, texts.place, this.#set(), this.#set()]))
    }
  }

  /** As the unnamed statement. */
  #states(text: string): Part {
    this.#session.unnamed = text
    return { bytes: raw.statement(text), fails: this.#runs('', text).fails }
  }

  /** With the unnamed portal. */
  #runs(name: string, text: string | undefined): Part {
    if (text === undefined) return { bytes: run(name), fails: true }
    this.#session.bound('', text)
    this.#ran('', text)
    return { bytes: run(name), fails: false }
  }

  #ran(portal: string, text: string): void {
    const bound = this.#session.portals.get(portal)
    if (bound) bound.hasRun = true
    this.#session.ran(text)
  }

  #parse(name: string): Part {
    const { named } = this.#session
    if (named.has(name)) return { bytes: raw.parse('select 2', name), fails: true }
    const own = `select ${++this.#number}`
    const rare = this.#random.chance(0.2) ? 'deallocate all' : 'select 7'
    const text = this.#random.pick([texts.state, texts.place, texts.rows, own, rare, this.#set(), this.#set()])
    named.set(name, text)
    return { bytes: raw.parse(text, name), fails: false }
  }

  /** That of an earlier group, maybe. */
  #unnamed(): Part {
    const { unnamed } = this.#session
    if (unnamed !== undefined && this.#random.chance(0.6)) return this.#runs('', unnamed ?? undefined)
    if (this.#random.chance(0.2)) {
      this.#session.unnamed = null
      return { bytes: raw.closeStatement(''), fails: false, closes: 1 }
    }
    const text = this.#random.pick([texts.state, 'select 8', texts.rows, this.#set()])
    this.#session.unnamed = text
    return { bytes: raw.parse(text), fails: false }
  }

  /** Prepared, used and closed, so that it must be as it was prepared. */
  #dated(name: string): Part {
    if (this.#random.chance(0.5)) {
      const { bytes } = this.#states(dated)
      this.#session.unnamed = undefined
      return { bytes, fails: false }
    }
    this.#session.named.delete(name)
    this.#runs(name, dated)
    const close = raw.closeStatement(name)
    return { bytes: raw.all(close, raw.parse(dated, name), run(name), close), fails: false, closes: 2 }
  }

  #fails(): Part {
    const fails = true
    if (this.#random.chance(0.3)) return { bytes: refused, fails }
    if (this.#random.chance(0.3)) return { bytes: raw.bind([], 'none'), fails }
    // It is there, with nothing about the session in it.
    this.#session.unnamed = undefined
    return { bytes: raw.statement(this.#random.pick(["select fail('x')", texts.drawBlockInVain(this.#random)])), fails }
  }

  /** set_config with all that it says in the Bind. */
  #given(): Part {
    const [name, value] = texts.drawSetting(this.#random)
    const text = `select set_config($1, $2, ${this.#random.pick(['true', 'false'])})`
    this.#states(text)
    // It is there, but wants values.
    this.#session.unnamed = undefined
    return { bytes: raw.statement(text, [name, value]), fails: false }
  }

  /** A portal that is executed later, if at all. What drops all statements is taken to do so at its Bind. */
  #binds(): Part {
    const portal = this.#random.pick(portals)
    const name = this.#random.pick(names)
    const text = this.#session.named.get(name)
    if (text === 'deallocate all') return this.#executes()
    const bytes = raw.bind([], name, portal)
    if (text === undefined || this.#session.portals.has(portal)) return { bytes, fails: true }
    this.#session.bound(portal, text)
    return { bytes, fails: false }
  }

  /** Of a portal that was bound before, some rows. */
  #executes(): Part {
    const known = [...this.#session.portals.keys()]
    const portal = this.#random.pick(known.length > 0 && this.#random.chance(0.9) ? known : portals)
    const bytes = raw.execute(this.#random.pick([0, 1, 2]), portal)
    const bound = this.#session.portals.get(portal)
    if (!bound || (bound.hasRun && texts.isCommand(bound.text))) return { bytes, fails: true }
    this.#ran(portal, bound.text)
    return { bytes, fails: false }
  }

  #ofPortal(): Part {
    const portal = this.#random.pick(portals)
    if (this.#random.chance(0.5)) {
      return { bytes: raw.describePortal(portal), fails: !this.#session.portals.has(portal) }
    }
    this.#session.portals.delete(portal)
    return { bytes: raw.closePortal(portal), fails: false, closes: 1 }
  }

  #copies(): Part {
    const isOut = this.#random.chance(0.3)
    const text = isOut ? 'copy (select generate_series(1, 3)) to stdout' : texts.copyIn
    this.#states(text)
    this.#session.unnamed = undefined
    const { bytes, fails } = isOut ? { bytes: Buffer.alloc(0), fails: false } : this.#copyData()
    return { bytes: raw.all(raw.statement(text), bytes), fails }
  }

  /** DISCARD ALL has to be the first of its group. */
  #dropsAll(isFirst: boolean): Part {
    if (!isFirst || this.#parameters || this.#random.chance(0.5)) return this.#states('deallocate all')
    const isRefused = this.#session.status !== 'idle'
    const bytes = raw.statement('discard all')
    if (isRefused) {
      this.#session.unnamed = undefined
      return { bytes, fails: true }
    }
    this.#states('discard all')
    this.#session.unnamed = undefined
    return { bytes, fails: false }
  }

  /** Of transactions, within a group; or something that makes the commit fail. */
  #controlsWithin(): Part {
    if (this.#random.chance(0.3)) {
      const { bytes } = this.#states(`insert into part values (${++this.#number}, 99)`)
      this.#session.unnamed = undefined
      this.#session.doomed()
      return { bytes, fails: false }
    }
    const { text, fails } = this.#ended(this.#random.pick(this.#controls()))
    this.#session.unnamed = undefined
    this.#session.portals.delete('')
    return { bytes: raw.statement(text), fails }
  }

  #set(): string {
    return texts.drawSet(this.#random, this.#parameters === undefined)
  }
}

function stepOf(requests: readonly Request[]): Step {
  const owed = requests.reduce((sum, request) => sum + request.owed, 0)
  return [raw.all(...requests.map(({ bytes }) => bytes)), 'Z', owed]
}
