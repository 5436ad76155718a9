/**
 * All the cuts: shared out to lanes that work side by side. A cut that shows something wrong ends its lane, and another one
 * goes on behind it.
 */

import { Random } from '../../src/relay/random.ts'
import { type Cut, endings, isOfClient, type Stream, streams } from './cut.ts'
import { type Ground, prepareGround } from './ground.ts'
import { Lane } from './lane.ts'
import { Tally } from './tally.ts'
import type { Mode, Transcript } from './transcripts.ts'

/** One conversation in one mode. */
export interface Subject {
  readonly transcript: Transcript
  readonly mode: Mode
}

/** What a campaign found out about one subject. */
export interface Finding extends Subject {
  readonly bytes: Readonly<Record<Stream, number>>
  readonly ofClient: Tally
  readonly ofServer: Tally
}

export interface CampaignOptions {
  readonly transcripts: readonly Transcript[]
  readonly seed: number
  readonly lanes: number
  /** The bytes at which one stream is cut. */
  readonly points: (length: number, transcript: Transcript, random: Random) => readonly number[]
  /** Each byte by FIN and by RST; or by one of them, in turn. */
  readonly isByBoth: boolean
  /** How many cuts one lane sees before its trace is checked and another takes its place. */
  readonly cutsPerLane: number
  readonly say: (line: string) => void
}

export interface CampaignResult {
  readonly findings: readonly Finding[]
  /** One text each. */
  readonly breaches: readonly string[]
}

const mostBreaches = 20

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const ground = await prepareGround(options.lanes)
  try {
    return await new Campaign(options, ground).run()
  } finally {
    await ground.remove()
  }
}

interface Job {
  readonly finding: Finding
  readonly expected: readonly string[]
  readonly cuts: readonly Cut[]
}

class Campaign {
  readonly #options: CampaignOptions
  readonly #ground: Ground
  readonly #breaches: string[] = []

  constructor(options: CampaignOptions, ground: Ground) {
    this.#options = options
    this.#ground = ground
  }

  async run(): Promise<CampaignResult> {
    const { transcripts, lanes, cutsPerLane } = this.#options
    const subjects = transcripts.flatMap((transcript) => transcript.modes.map((mode) => ({ transcript, mode })))
    const jobs: Job[] = []
    await sideBySide(lanes, subjects, async (subject, lane) => void jobs.push(await this.#plan(subject, lane)))
    const shares = jobs.flatMap((job) => inShares(job, cutsPerLane))
    let done = 0
    await sideBySide(lanes, longestFirst(shares), async (share, lane) => {
      await this.#work(share, lane)
      this.#options.say(`${++done} of ${shares.length}: ${describe(share.finding)}, ${this.#breaches.length} breaches`)
    })
    return { findings: jobs.map(({ finding }) => finding), breaches: this.#breaches }
  }

  /** Plays it uncut, and decides where to cut. */
  async #plan({ transcript, mode }: Subject, database: number): Promise<Job> {
    const lane = await this.#open(transcript, database)
    const { bytes, answers } = await lane.measure(transcript, mode)
    await lane.close()
    const cuts = streams.flatMap((stream, index) => this.#cutsOf(stream, bytes[stream], transcript, mode, index))
    return {
      finding: { transcript, mode, bytes, ofClient: new Tally(), ofServer: new Tally() },
      expected: answers,
      cuts,
    }
  }

  #cutsOf(stream: Stream, length: number, transcript: Transcript, mode: Mode, index: number): Cut[] {
    const { transcripts, seed, points, isByBoth } = this.#options
    const place = (transcripts.indexOf(transcript) * 2 + (mode === 'session' ? 1 : 0)) * streams.length + index
    const chosen = points(length, transcript, new Random(seed).fork(place))
    return chosen.flatMap((atByte, n) =>
      endings.filter((_, which) => isByBoth || which === (n + place) % 2).map((ending) => ({ stream, ending, atByte })),
    )
  }

  async #work({ finding, expected, cuts }: Job, database: number): Promise<void> {
    const { transcript, mode } = finding
    let lane: Lane | undefined
    for (const cut of cuts) {
      if (this.#breaches.length >= mostBreaches) break
      try {
        lane ??= await this.#open(transcript, database)
        const outcome = await lane.cut(transcript, mode, cut, expected)
        const tally = isOfClient(cut) ? finding.ofClient : finding.ofServer
        tally.add(outcome)
      } catch (error) {
        this.#breach(`${describe(finding)}: ${cut.ending} after ${cut.atByte} bytes that ${cut.stream}`, error)
        await lane?.abandon()
        lane = undefined
      }
    }
    await lane?.close().catch((error: unknown) => this.#breach(`${describe(finding)}, at the end`, error))
  }

  #open({ access }: Transcript, database: number): Promise<Lane> {
    return Lane.open(this.#ground.port, this.#ground.databases[database] ?? '', access)
  }

  #breach(where: string, error: unknown): void {
    const text = `${where}: ${error instanceof Error ? error.message : String(error)}`
    this.#breaches.push(text)
    this.#options.say(`BREACH ${text}`)
  }
}

export function describe({ transcript, mode }: Subject): string {
  return `${transcript.name} (${mode})`
}

function inShares(job: Job, size: number): Job[] {
  return Array.from({ length: Math.ceil(job.cuts.length / size) }, (_, n) => ({
    ...job,
    cuts: job.cuts.slice(n * size, (n + 1) * size),
  }))
}

/** So that the end isn't one lane's alone. */
function longestFirst(jobs: readonly Job[]): Job[] {
  return jobs.toSorted((a, b) => b.cuts.length - a.cuts.length)
}

/** `work` is told which of the lanes it is in. The first failure is everybody's. */
async function sideBySide<T>(
  lanes: number,
  items: readonly T[],
  work: (item: T, lane: number) => Promise<void>,
): Promise<void> {
  const left = items.values()
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (const item of left) await work(item, lane)
    }),
  )
}
