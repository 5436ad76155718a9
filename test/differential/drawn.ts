/**
 * Conversations that nobody has thought of: requests drawn by a seed, in pipelines and transactions, some of which fail, whatever is skipped behind them.
 * Everything that a session keeps is in them, and all that the protocol has. Who draws them knows what there is, so that nothing is said that the pooler
 * answers otherwise (see corpus.ts). In every fourth something may keep the server, and in another the startup packet says something.
 */

import { Random } from '../../src/random.ts'
import * as raw from '../support/raw-messages.ts'
import type { Step } from '../support/step.ts'
import { DrawnGroups, functions, names } from './drawn-groups.ts'
import { DrawnSession } from './drawn-session.ts'
import * as texts from './drawn-texts.ts'
import { run, type Transcript } from './transcript.ts'

export const drawnFamily = 'drawn'

export function drawnTranscripts(seed: number, count: number): Transcript[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, index) => ({
    family: drawnFamily,
    name: `${index + 1} of seed ${seed}`,
    ...new Drawing(random.fork(index), index).draw(),
  }))
}

interface Request {
  readonly bytes: Buffer
  /** How many ReadyForQuery answer it. */
  readonly owed: number
}

class Drawing {
  readonly #random: Random
  readonly #session = new DrawnSession()
  readonly #isPinning: boolean
  readonly #parameters: Readonly<Record<string, string>> | undefined
  readonly #groups: DrawnGroups

  constructor(random: Random, index: number) {
    this.#random = random
    this.#isPinning = index % 4 === 3
    this.#parameters = index % 4 === 1 ? random.pick(texts.startups) : undefined
    this.#groups = new DrawnGroups(random, this.#session, this.#parameters === undefined)
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
    const first = this.#groups.parts(this.#random.integer(1, 4))
    const until: Step = first.fails
      ? [raw.all(first.bytes, raw.flush), 'E']
      : [raw.all(first.bytes, raw.closePortal('none'), raw.flush), '3', 1 + (first.closes ?? 0)]
    const rest = this.#groups.parts(this.#random.integer(0, 3), first)
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
      const early = raw.all(raw.statement(texts.copyIn), raw.sync, ...this.#groups.rows(), raw.copyDone, raw.sync)
      return { bytes: early, owed: 1 }
    }
    const { bytes, fails } = this.#groups.copyData()
    return { bytes: raw.all(this.#query(texts.copyIn, fails).bytes, bytes), owed: 1 }
  }

  /** Of transactions: by either protocol. */
  #control(): Request {
    if (this.#session.status === 'idle' && this.#random.chance(0.15)) {
      this.#session.begun()
      return this.#query(`begin; ${texts.drawSetInVain(this.#random)}`, true)
    }
    const text = this.#random.pick(this.#session.controls())
    const fails = !this.#session.control(text)
    if (this.#random.chance(0.5)) return this.#query(text, fails)
    this.#session.unnamed = undefined
    this.#session.portals.delete('')
    return { bytes: raw.all(raw.statement(text), raw.sync), owed: 1 }
  }

  #inFailed(): Request {
    const name = this.#random.pick(names)
    switch (this.#random.integer(1, 8)) {
      case 1:
        return this.#query(texts.state, true)
      case 2:
        return this.#failedGroup(raw.statement(this.#random.pick([this.#set(), `deallocate ${name}`])))
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
    return { bytes: raw.all(this.#query(texts.copyIn, true).bytes, ...this.#groups.rows(), raw.copyDone), owed: 1 }
  }

  /** Several parts, and their Sync. */
  #group(): Request {
    const { bytes } = this.#groups.parts(this.#random.integer(1, 6))
    this.#session.groupEnded()
    return { bytes: raw.all(bytes, raw.sync), owed: 1 }
  }

  #set(): string {
    return texts.drawSet(this.#random, this.#parameters === undefined)
  }
}

function stepOf(requests: readonly Request[]): Step {
  const owed = requests.reduce((sum, request) => sum + request.owed, 0)
  return [raw.all(...requests.map(({ bytes }) => bytes)), 'Z', owed]
}
