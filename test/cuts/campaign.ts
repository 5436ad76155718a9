/**
 * All the cuts: shared out to lanes that work side by side. A cut that shows something wrong ends its lane, and another one
 * goes on behind it.
 */

import { Random } from '../../src/random.ts'
import { type Cut, endings, isOfClient, type Stream, type StreamMeasure, streams } from './cut.ts'
import { type Ground, prepareGround } from './ground.ts'
import { Berth } from './berth.ts'
import type { Measure } from './lane.ts'
import { secrets } from './people.ts'
import { Tally } from './tally.ts'
import type { Mode, Transcript } from './transcripts.ts'

/** One conversation in one mode. */
export interface Subject {
  readonly transcript: Transcript
  readonly mode: Mode
}

/** What a campaign found out about one subject. */
export interface Finding extends Subject {
  readonly streams: Measure['streams']
  readonly ofClient: Tally
  readonly ofServer: Tally
}

export interface CampaignOptions {
  readonly subjects: readonly Subject[]
  readonly seed: number
  readonly lanes: number
  /** The bytes at which one stream is cut. */
  readonly points: (stream: StreamMeasure, transcript: Transcript, random: Random) => readonly number[]
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
  /** A line about the search for secrets; those that were found are breaches. */
  readonly secrets: string
}

const mostBreaches = 20
const cutsPerShare = 50

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const ground = await prepareGround(options.lanes)
  secrets.listen()
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
    const { subjects, cutsPerLane, say } = this.#options
    const failed = (error: unknown): void => this.#breach('at the end of a lane', error)
    const berths = this.#ground.databases.map((name) => new Berth(this.#ground.port, name, cutsPerLane, failed))
    const jobs: Job[] = []
    await sideBySide(berths, subjects, async (subject, berth) => void jobs.push(await this.#plan(subject, berth)))
    const shares = inTurn(jobs.flatMap(inShares))
    let done = 0
    await sideBySide(berths, shares, async (share, berth) => {
      for (const cut of share.cuts) await this.#cut(share, cut, berth)
      say(`${++done} of ${shares.length}: ${describe(share.finding)}, ${this.#breaches.length} breaches`)
    })
    await Promise.all(berths.map((berth) => berth.close()))
    const findings = new Map(jobs.map(({ finding }) => [describe(finding), finding]))
    return {
      findings: subjects.flatMap((subject) => findings.get(describe(subject)) ?? []),
      breaches: [...this.#breaches, ...secrets.found],
      secrets: secrets.summary,
    }
  }

  /** Plays it uncut, and decides where to cut. */
  async #plan(subject: Subject, berth: Berth): Promise<Job> {
    const { transcript, mode } = subject
    const lane = await berth.get(transcript.access)
    const { streams: measured, answers } = await lane.measure(transcript, mode)
    const cuts = streams.flatMap((stream, index) => this.#cutsOf(stream, measured[stream], subject, index))
    return {
      finding: { ...subject, streams: measured, ofClient: new Tally(), ofServer: new Tally() },
      expected: answers,
      cuts,
    }
  }

  #cutsOf(stream: Stream, measured: StreamMeasure, subject: Subject, index: number): Cut[] {
    const { subjects, seed, points, isByBoth } = this.#options
    const place = subjects.indexOf(subject) * streams.length + index
    const chosen = points(measured, subject.transcript, new Random(seed).fork(place))
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

export function inAllModes(transcripts: readonly Transcript[]): Subject[] {
  return transcripts.flatMap((transcript) => transcript.modes.map((mode) => ({ transcript, mode })))
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
  return jobs.toSorted((a, b) => access(a).localeCompare(access(b)))
}

/** `work` is given the berth that it is for. The first failure is everybody's. */
async function sideBySide<T>(
  berths: readonly Berth[],
  items: readonly T[],
  work: (item: T, berth: Berth) => Promise<void>,
): Promise<void> {
  const left = items.values()
  await Promise.all(
    berths.map(async (berth) => {
      for (const item of left) await work(item, berth)
    }),
  )
}
