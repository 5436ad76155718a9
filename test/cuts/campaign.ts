/**
 * All the cuts: shared out to lanes that work side by side. A cut that shows something wrong ends its lane, and another one
 * goes on behind it.
 */

import { Random } from '../../src/relay/random.ts'
import { type Cut, endings, isOfClient, type Stream, streams } from './cut.ts'
import { type Ground, prepareGround } from './ground.ts'
import { Berth } from './berth.ts'
import type { Lane } from './lane.ts'
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
const cutsPerShare = 50

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
    const subjects = this.#options.transcripts.flatMap((transcript) =>
      transcript.modes.map((mode) => ({ transcript, mode })),
    )
    const jobs: Job[] = []
    await this.#sideBySide(
      subjects,
      async (subject, lane) => void jobs.push(await this.#plan(subject, await lane.get(subject.transcript.access))),
    )
    const shares = inTurn(jobs.flatMap(inShares))
    let done = 0
    await this.#sideBySide(shares, async (share, lane) => {
      for (const cut of share.cuts) await this.#cut(share, cut, lane)
      this.#options.say(`${++done} of ${shares.length}: ${describe(share.finding)}, ${this.#breaches.length} breaches`)
    })
    return { findings: jobs.map(({ finding }) => finding), breaches: this.#breaches }
  }

  /** `work` is given the lane that it is in. The first failure is everybody's. */
  async #sideBySide<T>(items: readonly T[], work: (item: T, lane: Berth) => Promise<void>): Promise<void> {
    const left = items.values()
    const { cutsPerLane } = this.#options
    const workIn = async (database: string): Promise<void> => {
      const berth = new Berth(this.#ground.port, database, cutsPerLane, (error) =>
        this.#breach('at the end of a lane', error),
      )
      for (const item of left) await work(item, berth)
      await berth.close()
    }
    await Promise.all(this.#ground.databases.map(workIn))
  }

  /** Plays it uncut, and decides where to cut. */
  async #plan({ transcript, mode }: Subject, lane: Lane): Promise<Job> {
    const { bytes, answers } = await lane.measure(transcript, mode)
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

  async #cut({ finding, expected }: Job, cut: Cut, berth: Berth): Promise<void> {
    if (this.#breaches.length >= mostBreaches) return
    const { transcript, mode, ofClient, ofServer } = finding
    try {
      const lane = await berth.get(transcript.access)
      const outcome = await lane.cut(transcript, mode, cut, expected)
      if (isOfClient(cut)) ofClient.add(outcome)
      else ofServer.add(outcome)
    } catch (error) {
      this.#breach(`${describe(finding)}: ${cut.ending} after ${cut.atByte} bytes that ${cut.stream}`, error)
      await berth.abandon()
    }
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

/** Small enough that the last ones end at about the same time. */
function inShares(job: Job): Job[] {
  return Array.from({ length: Math.ceil(job.cuts.length / cutsPerShare) }, (_, n) => ({
    ...job,
    cuts: job.cuts.slice(n * cutsPerShare, (n + 1) * cutsPerShare),
  }))
}

/** By how one logs in, so that few lanes have to be opened. */
function inTurn(jobs: readonly Job[]): Job[] {
  const access = ({ finding }: Job): string => finding.transcript.access
  return jobs.toSorted((a, b) => access(b).localeCompare(access(a)))
}
