/** Runs statements, and compares what became of the session with what the classifier had said. */

import { Classifier } from '../../src/sql/classifier.ts'
import type { Effect, Effects } from '../../src/sql/effect.ts'
import { type Circumstance, preludes } from './fixture.ts'
import type { Change } from './look.ts'
import { OracleSession, type Run } from './session.ts'
import { judge, type Verdict } from './verdict.ts'

export type Origin = 'corpus' | 'ordinary' | 'odd' | 'hand-made'

export interface Statement {
  readonly text: string
  readonly origin: Origin
  readonly circumstance: Circumstance
}

export interface Finding {
  readonly statement: Statement
  readonly change: Change | { readonly what: 'read sequence' }
  readonly effects: Effects
  readonly verdict: Exclude<Verdict, 'seen'>
}

/** Of statements of one origin. */
export class Tally {
  statements = 0
  refused = 0
  changing = 0
  harmless = 0
  slow = 0
  unsure = 0
  falseAlarms = 0
}

/** Unless there is something of that kind. */
const costsNothing = new Set<Effect['kind']>([
  'read sequence',
  'definition',
  'close',
  'drop',
  'unlisten',
  'unlock',
  'deallocate',
  'deallocate all',
  'discard',
])

export class Oracle {
  readonly findings: Finding[] = []
  readonly tallies = new Map<Origin, Tally>()
  /** By kind of effect: texts that changed nothing; and an example. */
  readonly falseAlarms = new Map<string, { count: number; readonly example: string }>()
  readonly #sessions: Readonly<Record<Circumstance, OracleSession>>
  readonly #classifier = new Classifier()

  constructor(port: number) {
    const session = (name: Circumstance) => new OracleSession(port, preludes[name])
    this.#sessions = { plain: session('plain'), loaded: session('loaded'), backslashes: session('backslashes') }
  }

  async tryAll(statements: readonly Statement[]): Promise<void> {
    for (const statement of statements) await this.#try(statement)
    for (const session of Object.values(this.#sessions)) session.close()
  }

  get misses(): Finding[] {
    return this.findings.filter(({ verdict }) => verdict === 'missed' || verdict === 'as unsure')
  }

  async #try(statement: Statement): Promise<void> {
    const { text, circumstance } = statement
    const said = this.#classify(text)
    const run = await this.#sessions[circumstance].run(text, customNames(text))
    for (const change of run.changes) {
      const verdict = judge(change, text, said.effects)
      if (verdict !== 'seen') this.findings.push({ statement, change, effects: said.effects, verdict })
    }
    const isRead = said.effects.some(({ kind }) => kind === 'read sequence' || kind === 'unsure')
    if (run.refusal?.includes('is not yet defined in this session') === true && !isRead) {
      this.findings.push({ statement, change: { what: 'read sequence' }, effects: said.effects, verdict: 'missed' })
    }
    this.#count(statement, said, run)
  }

  #count({ text, origin }: Statement, { effects, isSlow }: Said, { refusal, changes }: Run): void {
    const tally = this.tallies.get(origin) ?? new Tally()
    this.tallies.set(origin, tally)
    tally.statements++
    if (effects.some(({ kind }) => kind === 'unsure')) tally.unsure++
    if (changes.length > 0) tally.changing++
    else if (refusal !== undefined) tally.refused++
    else {
      tally.harmless++
      if (isSlow) tally.slow++
      const alarm = effects.filter(({ kind }) => !costsNothing.has(kind)).map(({ kind }) => kind)
      if (alarm.length > 0) tally.falseAlarms++
      this.#alarm([...new Set(alarm)], text)
    }
  }

  #alarm(kinds: readonly string[], example: string): void {
    for (const kind of kinds) {
      const known = this.falseAlarms.get(kind)
      if (!known) this.falseAlarms.set(kind, { count: 1, example })
      else known.count++
    }
  }

  /** Only the slow way makes a string of the bytes. */
  #classify(text: string): Said {
    const bytes = Buffer.from(text)
    let isSlow = false
    bytes.toString = (...args) => {
      isSlow = true
      return Buffer.prototype.toString.apply(bytes, args)
    }
    return { effects: this.#classifier.classify(bytes, 0, bytes.length), isSlow }
  }
}

interface Said {
  readonly effects: Effects
  readonly isSlow: boolean
}

/** Those that stand in the text, however quoted, and those that the generated ones are made of. */
function customNames(text: string): string[] {
  const dotted = text.match(/[a-z_][\w$]*(?:\s*"?\s*\.\s*"?\s*[a-z_][\w$]*)+/gi) ?? []
  const found = dotted.map((name) => name.replaceAll(/[\s"]/g, '').toLowerCase())
  return [...new Set(['app.loaded', ...customVocabulary, ...found.filter((name) => !extensions.test(name))])].slice(
    0,
    40,
  )
}

/** Their parameters are seen among all others. */
const extensions = /^(pg_trgm|plpgsql|auto_explain)\./
const customVocabulary = ['app.tenant', 'app.user_id', 'my_ext.level', 'app.hidden', 'local.x', 'schema.x'] as const
