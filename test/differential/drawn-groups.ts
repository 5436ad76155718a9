/** What stands in the groups of drawn conversations: all messages of the extended protocol. */

import type { Random } from '../../src/random.ts'
import * as raw from '../support/raw-messages.ts'
import type { DrawnSession } from './drawn-session.ts'
import * as texts from './drawn-texts.ts'
import { dated } from './neighbour.ts'
import { run } from './transcript.ts'

export interface Part {
  readonly bytes: Buffer
  /** What is behind it in its group is skipped. */
  readonly fails: boolean
  /** How many CloseComplete answer it. */
  readonly closes?: number
}

/** Of statements. */
export const names = ['s', 't', 'a', 'own'] as const
const portals = ['p', 'q'] as const
/** By OID. */
export const functions = { plus: 177, setConfig: 2078, none: 1 }
const refused = raw.parse('selec 1', 'refused')
const badRow = 'no number\n'

export class DrawnGroups {
  readonly #random: Random
  readonly #session: DrawnSession
  readonly #mayReset: boolean
  #number = 0

  /** `mayReset`: the startup packet has said nothing. */
  constructor(random: Random, session: DrawnSession, mayReset: boolean) {
    this.#random = random
    this.#session = session
    this.#mayReset = mayReset
  }

  /** Once one has failed the rest is skipped, and nothing of it is known. `ahead`: what was sent of the same group. */
  parts(count: number, ahead?: Part): Part {
    const parts: Buffer[] = []
    let closes = 0
    let fails = ahead?.fails === true
    for (let index = 0; index < count; index++) {
      const part: Part = fails ? this.#skipped() : this.#part(!ahead && index === 0)
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
      raw.statement(`deallocate ${name}`),
    ])
    return { bytes, fails: true }
  }

  #part(isFirst: boolean): Part {
    const name = this.#random.pick(names)
    const { named } = this.#session
    switch (this.#random.integer(1, 21)) {
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
      case 20:
        return this.#states(`deallocate ${name}`)
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
    if (this.#session.isInVain(text)) {
      this.#session.portals.delete('')
      return { bytes: run(name), fails: true }
    }
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
    const rare = this.#random.chance(0.2) ? this.#random.pick(['deallocate all', 'deallocate s']) : 'select 7'
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

  /** A portal that is executed later, if at all. What drops statements is taken to do so at its Bind. */
  #binds(): Part {
    const portal = this.#random.pick(portals)
    const name = this.#random.pick(names)
    const text = this.#session.named.get(name)
    if (text?.startsWith('deallocate')) return this.#executes()
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
    const { bytes, fails } = isOut ? { bytes: Buffer.alloc(0), fails: false } : this.copyData()
    return { bytes: raw.all(raw.statement(text), bytes), fails }
  }

  /** DISCARD ALL has to be the first of its group. */
  #dropsAll(isFirst: boolean): Part {
    if (!isFirst || !this.#mayReset || this.#random.chance(0.5)) return this.#states('deallocate all')
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
    const text = this.#random.pick(this.#session.controls())
    const fails = !this.#session.control(text)
    this.#session.unnamed = undefined
    this.#session.portals.delete('')
    return { bytes: raw.statement(text), fails }
  }

  copyData(): Part {
    const kind = this.#random.pick(['good', 'good', 'good', 'bad', 'failed'])
    const data = kind === 'bad' ? [...this.rows(), raw.copyData(badRow)] : this.rows()
    const end = kind === 'failed' ? raw.copyFail('no') : raw.copyDone
    return { bytes: raw.all(...data, end), fails: kind !== 'good' }
  }

  rows(): Buffer[] {
    return Array.from({ length: this.#random.integer(0, 2) }, () => raw.copyData(`${++this.#number}\n`))
  }

  #set(): string {
    return texts.drawSet(this.#random, this.#mayReset)
  }
}
