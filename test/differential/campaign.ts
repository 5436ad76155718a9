/** All conversations in all manners: shared out to stages that work side by side. */

import { isDeepStrictEqual } from 'node:util'
import { Random } from '../../src/random.ts'
import { messagesIn } from '../cuts/cut.ts'
import type { Step } from '../support/step.ts'
import { Berth } from './berth.ts'
import { drawnFamily } from './drawn.ts'
import { prepareGround } from './ground.ts'
import { countPlaces } from './pieces.ts'
import type { Departure } from './player.ts'
import type { Answers, Manner } from './stage.ts'
import type { Transcript } from './transcript.ts'

export interface CampaignOptions {
  readonly transcripts: readonly Transcript[]
  readonly stages: number
  readonly seed: number
  /** At how many of a conversation's places it is cut, drawn by the seed. */
  readonly mostCuts: number
  /**
   * In how many more plays of a conversation that is drawn its client vanishes, at a place drawn by the seed. Those of the corpus make what the next play
   * must not find.
   */
  readonly departures: number
  /** How many plays a stage sees before its traces are checked and another takes its place. */
  readonly playsPerStage: number
}

/** What came of one conversation. */
export interface Finding {
  readonly transcript: Transcript
  /** How often it was played through the pooler. */
  readonly plays: number
  readonly places: number
  readonly answers: number
  /** What was wrong first, if anything was. */
  readonly difference?: string
}

export interface CampaignResult {
  readonly neighbourAnswers: number
  /** Of the stages as a whole: breaches in their traces. */
  readonly failures: readonly string[]
}

/** A campaign that is under way. */
export interface Campaign {
  readonly findings: ReadonlyMap<Transcript, Promise<Finding>>
  readonly result: Promise<CampaignResult>
}

export function startCampaign(options: CampaignOptions): Campaign {
  const pending = new Map(options.transcripts.map((transcript) => [transcript, Promise.withResolvers<Finding>()]))
  const result = run(options, (finding) => pending.get(finding.transcript)?.resolve(finding))
  result.catch((error: unknown) => {
    for (const { reject } of pending.values()) reject(error)
  })
  const findings = new Map([...pending].map(([transcript, { promise }]) => [transcript, promise]))
  for (const promise of findings.values()) promise.catch(() => undefined)
  return { findings, result }
}

async function run(options: CampaignOptions, found: (finding: Finding) => void): Promise<CampaignResult> {
  const ground = await prepareGround(options.stages)
  try {
    const left = options.transcripts.entries()
    const berths = ground.databases.map((database) => new Berth({ port: ground.port, database }, options.playsPerStage))
    await Promise.all(
      berths.map(async (berth) => {
        for (const [index, transcript] of left) found(await tryAll(transcript, index, berth, options))
        await berth.close()
      }),
    )
    return {
      neighbourAnswers: berths.reduce((sum, { neighbourAnswers }) => sum + neighbourAnswers, 0),
      failures: berths.flatMap(({ failures }) => failures),
    }
  } finally {
    await ground.remove()
  }
}

async function tryAll(transcript: Transcript, index: number, berth: Berth, options: CampaignOptions): Promise<Finding> {
  const places = countPlaces(transcript.steps)
  const random = new Random(options.seed).fork(index)
  const manners = mannersOf(places, options.mostCuts, random)
  const count = transcript.family === drawnFamily ? options.departures : 0
  const departures = Array.from({ length: count }, () => drawDeparture(transcript, random))
  let expected: Answers | undefined
  let plays = 0
  const finding = (): Finding => ({ transcript, plays, places, answers: expected?.flat().length ?? 0 })
  for (const manner of manners) {
    try {
      const stage = await berth.get()
      expected ??= await stage.expect(transcript)
      plays++
      const difference = compare(await stage.play(transcript, manner), expected)
      if (difference) return { ...finding(), difference: `${describe(manner)}: ${difference}` }
    } catch (error) {
      await berth.close()
      return {
        ...finding(),
        difference: `${describe(manner)}: ${error instanceof Error ? error.message : String(error)}`,
      }
    }
  }
  for (const departure of departures) {
    try {
      const stage = await berth.get()
      plays++
      await stage.playUntil(transcript, departure)
    } catch (error) {
      await berth.close()
      return {
        ...finding(),
        difference: `${JSON.stringify(departure)}: ${error instanceof Error ? error.message : String(error)}`,
      }
    }
  }
  return finding()
}

/** As a rule behind a whole message: in the middle of one the server is lost, too. */
function drawDeparture({ steps }: Transcript, random: Random): Departure {
  const step = random.integer(0, steps.length - 1)
  const [said] = steps[step] as Step
  let end = 0
  const ends = messagesIn(said).map((length) => (end += length))
  return {
    step,
    bytes: random.pick([said.length, random.pick(ends), random.pick(ends), random.integer(1, said.length)]),
    afterMs: random.pick([0, 0, 1, 3]),
    how: random.pick(['vanish', 'reset'] as const),
  }
}

function mannersOf(places: number, mostCuts: number, random: Random): Manner[] {
  const all = Array.from({ length: places }, (_, place) => place)
  const drawn = places <= mostCuts ? all : Array.from({ length: mostCuts }, () => random.pick(all))
  return [
    { cutting: { kind: 'whole' }, lending: 'by transaction' },
    { cutting: { kind: 'whole' }, lending: 'in turns' },
    { cutting: { kind: 'whole' }, lending: 'by session' },
    { cutting: { kind: 'bytewise' }, lending: 'by transaction' },
    ...drawn.map((place, n): Manner => ({
      cutting: { kind: 'cut', place },
      lending: n % 2 === 1 ? 'in turns' : 'by transaction',
    })),
  ]
}

/** Where the answers are not the same, if they aren't. */
function compare(seen: Answers, expected: Answers): string | undefined {
  const at = expected.findIndex((messages, index) => !isDeepStrictEqual(seen[index], messages))
  if (at < 0) return undefined
  const [got, wanted] = [seen[at] ?? [], expected[at] ?? []]
  const first = Math.max(
    0,
    wanted.findIndex((message, index) => got[index] !== message),
  )
  const where = at === expected.length - 1 ? 'behind the last answer' : `in answer ${at + 1}, message ${first + 1}`
  return `${where} ${show(got[first])} instead of ${show(wanted[first])}; all: ${got.map(show).join(', ')}`
}

function show(message = 'nothing'): string {
  return JSON.stringify(message.length > 300 ? `${message.slice(0, 300)}…` : message)
}

function describe({ cutting, lending }: Manner): string {
  const how = cutting.kind === 'cut' ? `cut at its place ${cutting.place}` : cutting.kind
  return `${how}, lent ${lending}`
}
