/** What opening a connection was found to cost, in words, tables and plots. */

import { numberText, percentText, timeText } from '../../../report/number-text.ts'
import { headlineOf } from '../../headline.ts'
import { measurement, medianOf } from '../../measurement.ts'
import { type Phase, phases } from '../../raw-login.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Findings, Measurement } from '../../results.ts'
import { firstAnswerMs, firstAnswerOver, type Hello, type Kind, predictedRoundTrips } from './hello-kind.ts'

/** From this way, less next to the server, round trips are counted: long enough that nothing else is seen, and always run. */
const countedOverMs = 150

/** What is known beside the times. */
export interface HelloFacts {
  /** Ways to log in that the server didn't take, and why. */
  readonly refused: readonly string[]
  readonly isEmbedded: boolean
  readonly predicted: Readonly<Record<string, number | null>>
}

export function helloFindings(hellos: readonly Hello[], { refused, isEmbedded, predicted }: HelloFacts): Findings {
  const near = hellos.filter(({ roundTripMs }) => roundTripMs === 0)
  const counted = near.flatMap((hello) => {
    const far = hellos.find(({ kind, roundTripMs }) => kind === hello.kind && roundTripMs === countedOverMs)
    return far ? [{ hello, trips: roundTripsOf(hello, far) }] : []
  })
  const usual = counted.find(({ hello }) => hello.kind.tls === 'TLSv1.3') ?? counted[0]
  return {
    headline: headlineFor(usual),
    answer: answerOf(hellos, usual),
    surprises: [...surprisesOf(counted), ...slownessOf(hellos, predicted)],
    remarks: [
      'The times are of the protocol itself, spoken by the lab without a driver. PostgreSQL sends its consent together with the end of the start-up, so ' +
        'the two can’t be told apart: `authentication` is up to our last answer, `start-up` all that follows; the start of the backend’s process is in whichever comes first.',
      'A relay keeps the bytes of each direction for about half the round trip, and by its timers somewhat longer: what a round trip really took stands in the table. It answers TCP’s handshake by itself, so that one round trip ' +
        '(RFC 9293) is added where it stands in the tables.',
      'The application need not wait for the teardown, but the server does it, and the connection counts until then.',
      ...(isEmbedded
        ? [
            'Where `password` is asked for, PostgreSQL itself derives from it what SCRAM keeps, 4,096 times over: it is then hardly quicker than SCRAM, and safe only inside TLS.',
          ]
        : ['Only the way of authentication that the server asks this user for was tried.']),
      ...refused.map((one) => `Not measured: ${one}.`),
    ],
    setup: {
      'rounds next to the server': near[0]?.rounds.length ?? 0,
      'rounds over a relay': hellos.find(({ roundTripMs }) => roundTripMs > 0)?.rounds.length ?? 0,
      'warm-up': 'one login of each kind',
      query: 'SELECT 1',
    },
    measurements: measurementsOf(hellos, counted),
    tables: [phaseTable(near), ...tripTables(counted), ...wayTables(hellos), ...articleTables(hellos, counted)],
    plots: [phaseBars(near), wayPlot(hellos)],
  }
}

type PhaseTrips = Readonly<Record<Phase, number>>

/** By what each phase takes longer for a longer way. */
function roundTripsOf(near: Hello, far: Hello): PhaseTrips {
  const of = (phase: Phase): number =>
    Math.round((medianPhase(far, phase) - medianPhase(near, phase)) / far.roundTripMs)
  return Object.fromEntries(phases.map((phase) => [phase, of(phase)])) as Record<Phase, number>
}

function medianPhase({ rounds }: Hello, phase: Phase): number {
  return medianOf(rounds.map((times) => times[phase]))
}

function firstAnswer({ rounds }: Hello): number {
  return medianOf(rounds.map(firstAnswerMs))
}

function tripsToFirstAnswer(trips: PhaseTrips): number {
  return phases.reduce((sum, phase) => sum + (phase === 'teardown' ? 0 : trips[phase]), 0)
}

interface Counted {
  readonly hello: Hello
  readonly trips: PhaseTrips
}

function headlineFor(usual: Counted | undefined): string {
  if (!usual) return ''
  const { hello, trips } = usual
  const near = `First answer: ${timeText(firstAnswer(hello))} next to the server`
  const kind = hello.kind.name
  return headlineOf(
    `${near}, plus ${tripsToFirstAnswer(trips)} round trips of the way to it (${kind}).`,
    `${near} (${kind}).`,
    `${near}.`,
  )
}

function answerOf(hellos: readonly Hello[], usual: Counted | undefined): string {
  if (!usual) return ''
  const { hello, trips } = usual
  const before = 1 - medianPhase(hello, 'query') / firstAnswer(hello)
  const farthest = hellos.filter(({ kind }) => kind === hello.kind).at(-1) ?? hello
  return (
    `${hello.kind.name}: ${timeText(firstAnswer(hello))} until the first answer next to the server, and ${percentText(before)} of that is over before the query is asked. ` +
    `It takes ${tripsToFirstAnswer(trips)} round trips: over a way of ${timeText(farthest.roundTripMs)} it is ${timeText(firstAnswer(farthest))}.`
  )
}

function surprisesOf(counted: readonly Counted[]): string[] {
  return counted.flatMap(({ hello, trips }) => {
    const predicted = predictedRoundTrips(hello.kind)
    const found = tripsToFirstAnswer(trips)
    if (Number.isNaN(predicted) || found === predicted) return []
    const where = phases.filter((phase) => trips[phase] > 0).map((phase) => `${phase} ${trips[phase]}`)
    return [
      `${hello.kind.name}: ${found} round trips in place of the ${predicted} that were predicted (${where.join(', ')}).`,
    ]
  })
}

/** Beyond this share of what was predicted, a way took longer, or less long, than its round trips say. */
const tolerance = 0.25

function slownessOf(hellos: readonly Hello[], predicted: HelloFacts['predicted']): string[] {
  const off = hellos.flatMap((hello) => {
    const { kind, roundTripMs } = hello
    const expected = predicted[firstAnswerOver(kind, roundTripMs)]
    if (expected === undefined || expected === null) return []
    const found = firstAnswer(hello)
    if (Math.abs(found / expected - 1) <= tolerance) return []
    return [`${kind.name} over ${numberText(roundTripMs)} ms ${timeText(found)} in place of ${timeText(expected)}`]
  })
  if (off.length === 0) return []
  return [
    `To the first answer it took otherwise than predicted: ${off.join('; ')}. What a round trip really took stands in the table.`,
  ]
}

function measurementsOf(hellos: readonly Hello[], counted: readonly Counted[]): Measurement[] {
  return [
    ...hellos.flatMap((hello) => {
      const where = hello.roundTripMs === 0 ? 'next to the server' : `over ${hello.roundTripMs} ms`
      const name = (what: string): string => `${hello.kind.name} ${what} ${where}`
      return [
        measurement(name('to the first answer'), 'ms', hello.rounds.map(firstAnswerMs)),
        ...phases
          .filter((phase) => phase !== 'TLS' || hello.kind.tls !== undefined)
          .map((phase) =>
            measurement(
              name(phase),
              'ms',
              hello.rounds.map((times) => times[phase]),
            ),
          ),
      ]
    }),
    ...counted.map(({ hello, trips }) =>
      measurement(`${hello.kind.name} round trips`, 'count', [tripsToFirstAnswer(trips)]),
    ),
  ]
}

function phaseTable(near: readonly Hello[]): Table {
  return {
    caption: 'Next to the server, medians',
    head: ['login', ...phases, 'to the first answer'],
    rows: near.map((hello) => [
      hello.kind.name,
      ...phases.map((phase) =>
        phase === 'TLS' && hello.kind.tls === undefined ? '–' : timeText(medianPhase(hello, phase)),
      ),
      timeText(firstAnswer(hello)),
    ]),
  }
}

function tripTables(counted: readonly Counted[]): Table[] {
  if (counted.length === 0) return []
  const head = ['login', ...phases, 'to the first answer', 'predicted']
  const rows = counted.map(({ hello, trips }) => [
    hello.kind.name,
    ...phases.map((phase) => trips[phase]),
    tripsToFirstAnswer(trips),
    predictedRoundTrips(hello.kind),
  ])
  return [{ caption: `Round trips, by what a way of ${countedOverMs} ms adds`, head, rows }]
}

function wayTables(hellos: readonly Hello[]): Table[] {
  const ways = waysOf(hellos)
  const kinds = kindsOf(hellos)
  if (ways.length < 2) return []
  const cell = (kind: Kind, way: number): string => {
    const found = hellos.find((hello) => hello.kind === kind && hello.roundTripMs === way)
    return found ? timeText(firstAnswer(found)) : '–'
  }
  const head = ['login', ...ways.map((way) => (way === 0 ? 'none' : `${numberText(way)} ms`))]
  const rows = [
    ...kinds.map((kind) => [kind.name, ...ways.map((way) => cell(kind, way))]),
    ['one round trip, measured', ...ways.map((way) => (way === 0 ? '–' : timeText(roundTripOf(hellos, way))))],
  ]
  return [{ caption: 'To the first answer, by the round trip of the way', head, rows }]
}

/** By what a query takes longer than next to the server; the median of all kinds, which all ask one. */
function roundTripOf(hellos: readonly Hello[], way: number): number {
  const queryMs = (ms: number): number => {
    return medianOf(hellos.filter(({ roundTripMs }) => roundTripMs === ms).map((hello) => medianPhase(hello, 'query')))
  }
  return queryMs(way) - queryMs(0)
}

/** The classes of the articles, and the round trip that stands for each. */
const classes = [
  { name: 'within a rack', article: '1–5 ms', roundTripMs: 1 },
  { name: 'within a data centre', article: '5–20 ms', roundTripMs: 10 },
  { name: 'to another data centre', article: '50–200 ms', roundTripMs: 50 },
  { name: 'to another data centre, farther', article: '50–200 ms', roundTripMs: 150 },
  { name: 'to another region', article: '800–1,500 ms', roundTripMs: 1_000 },
]

function articleTables(hellos: readonly Hello[], counted: readonly Counted[]): Table[] {
  const at = (way: number, tls: boolean): Hello | undefined =>
    hellos.find(
      ({ kind, roundTripMs }) =>
        roundTripMs === way &&
        (tls
          ? kind.tls === 'TLSv1.3'
          : kind.tls === undefined && kind.method !== 'trust' && kind.method !== 'password' && kind.method !== 'md5'),
    )
  const text = (hello: Hello | undefined, of: (hello: Hello) => number): string => (hello ? timeText(of(hello)) : '–')
  const opening = (hello: Hello): number => firstAnswer(hello) - medianPhase(hello, 'query')
  const plainNear = at(0, false)
  const rows = [
    [
      'set-up and end around a query, next to the server',
      '1 + 2 + 3 + 2 ms',
      text(plainNear, (hello) => opening(hello) + medianPhase(hello, 'teardown')),
      text(at(0, true), (hello) => opening(hello) + medianPhase(hello, 'teardown')),
    ],
    ...classes
      .filter(({ roundTripMs }) => at(roundTripMs, false))
      .map(({ name, article, roundTripMs }) => [
        `opening, ${name}: a round trip of ${numberText(roundTripMs)} ms`,
        article,
        text(at(roundTripMs, false), opening),
        text(at(roundTripMs, true), opening),
      ]),
    [
      'TCP between zones, over 50 ms',
      '45 ms',
      text(at(50, false), (hello) => medianPhase(hello, 'TCP')),
      text(at(50, true), (hello) => medianPhase(hello, 'TCP')),
    ],
    ['TLS between zones, over 50 ms', '60–100 ms', '–', text(at(50, true), (hello) => medianPhase(hello, 'TLS'))],
    ...(['TLSv1.3', 'TLSv1.2'] as const).map((version) => {
      const found = counted.find(({ hello }) => hello.kind.tls === version)
      const article = version === 'TLSv1.3' ? '2' : '3'
      return [
        `round trips of TLS ${version.slice(4)}, with the one that asks for it`,
        article,
        '–',
        found ? String(found.trips.TLS) : '–',
      ]
    }),
  ]
  return [{ caption: 'Beside the articles', head: ['what', 'the articles', 'here, no TLS', 'here, TLS'], rows }]
}

function waysOf(hellos: readonly Hello[]): number[] {
  return [...new Set(hellos.map(({ roundTripMs }) => roundTripMs))].toSorted((a, b) => a - b)
}

function kindsOf(hellos: readonly Hello[]): Kind[] {
  return [...new Set(hellos.filter(({ roundTripMs }) => roundTripMs > 0).map(({ kind }) => kind))]
}

function phaseBars(near: readonly Hello[]): Figure {
  return {
    kind: 'bars',
    isStacked: true,
    title: 'Opening, one query, and the end, next to the server',
    subtitle: 'medians',
    unit: 'ms',
    series: phases.map((name) => ({ name })),
    groups: near.map((hello) => ({ label: hello.kind.name, values: phases.map((phase) => medianPhase(hello, phase)) })),
  }
}

function wayPlot(hellos: readonly Hello[]): Figure {
  const far = hellos.filter(({ roundTripMs }) => roundTripMs > 0)
  return {
    kind: 'plot',
    title: 'To the first answer, by the length of the way',
    x: { label: 'round trip', unit: 'ms', scale: 'log' },
    y: { label: 'to the first answer', unit: 'ms', scale: 'log' },
    series: [
      ...kindsOf(hellos).map((kind) => ({
        name: kind.name,
        points: far
          .filter((hello) => hello.kind === kind)
          .map((hello) => [hello.roundTripMs, firstAnswer(hello)] as const),
      })),
      { name: 'one round trip', points: waysOf(far).map((way) => [way, way] as const) },
    ],
  }
}
