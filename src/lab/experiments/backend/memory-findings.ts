/** What is said of the memory of backends. */

import { bytesText, numberText } from '../../../report/number-text.ts'
import { backendMemoryBytes } from '../../../sizing/fleet.ts'
import { isFar, measurement, medianOf } from '../../measurement.ts'
import type { Figure } from '../../../report/figure.ts'
import type { Table } from '../../../report/page.ts'
import type { Measurement, Prediction } from '../../results.ts'
import { type BackendMemory, type MemoryInPhases, type Phase, phases } from './backend-memory.ts'

/** The articles' example. */
const many = 5_000
const mib = 1024 ** 2
/** A backend differs from another by less. */
const notable = 1.2
/** What the articles say, in MB, whose difference to MiB is far below the range they give. */
const articles: Readonly<Partial<Record<Phase, readonly [number, number]>>> = {
  fresh: [2, 3],
  'after a lookup': [5, 10],
  'idle after work': [10, 30],
}
const kinds = [
  { of: ({ own }: BackendMemory) => own, name: 'own memory', words: 'of its own' },
  {
    of: ({ proportional }: BackendMemory) => proportional,
    name: 'proportional memory',
    words: 'with its part of what is shared',
  },
  { of: ({ resident }: BackendMemory) => resident, name: 'resident memory', words: 'as ps shows it' },
] as const

const median = (all: readonly BackendMemory[], of: (one: BackendMemory) => number): number => medianOf(all.map(of))

export function memoryHeadline(memory: MemoryInPhases): string {
  const of = (phase: Phase, kind: (one: BackendMemory) => number): string => bytesText(median(memory[phase], kind))
  const own = ({ own: bytes }: BackendMemory): number => bytes
  return `A backend has ${of('fresh', own)} of its own, ${of('idle after work', own)} after a join, when ps shows ${of('idle after work', ({ resident }) => resident)}.`
}

export function memoryAnswer(memory: MemoryInPhases): string {
  const own = (phase: Phase): number => median(memory[phase], (one) => one.own)
  const idle = 'idle after work'
  return (
    `A backend has ${bytesText(own('fresh'))} of its own before its first query and ${bytesText(own(idle))} when it is idle after a join, ` +
    `so ${numberText(many)} would have ${bytesText(backendMemoryBytes(many, own(idle)))}; ps shows ${bytesText(median(memory[idle], (one) => one.resident))} for each, what it shares included.`
  )
}

/** Where the calibration, of fewer backends, foretold something else. */
export function memoryMisses(memory: MemoryInPhases, prediction: Prediction | undefined): string[] {
  const foretold = prediction?.figures['own memory idle after work'] ?? Number.NaN
  const found = median(memory['idle after work'], ({ own }) => own)
  if (!isFar(found, foretold, notable)) return []
  const why =
    found < foretold ? ": what all of them have, and no other process, is nobody's own once there are several" : ''
  return [
    `A backend has ${bytesText(found)} of its own idle after a join, where ${bytesText(foretold)} was predicted${why}.`,
  ]
}

export function memorySurprises(memory: MemoryInPhases): string[] {
  const idle = memory['idle after work']
  const own = median(idle, (one) => one.own)
  const resident = median(idle, (one) => one.resident)
  const [least, most] = articles['idle after work'] ?? [0, Infinity]
  const surprises: string[] = []
  if (own < least * mib) {
    const isShared = resident >= least * mib
    surprises.push(
      `Otherwise than in the articles: a backend that is idle after work has ${bytesText(own)} of its own, not ${least}–${most} MB` +
        (isShared
          ? `. ps shows ${bytesText(resident)}, for it counts shared memory anew for each backend that has touched it: of such figures no sum may be made.`
          : `, and what ps shows, ${bytesText(resident)}, is less, too.`),
    )
  }
  if (own > most * mib) {
    surprises.push(
      `Otherwise than in the articles: a backend that is idle after work has ${bytesText(own)} of its own, not ${least}–${most} MB.`,
    )
  }
  return surprises
}

export function memoryMeasurements(memory: MemoryInPhases): Measurement[] {
  const idle = memory['idle after work']
  const total = idle.reduce((sum, { own }) => sum + own, 0)
  return [
    ...kinds.flatMap(({ name, of }) =>
      phases.map((phase) => measurement(`${name} ${phase}`, 'bytes', memory[phase].map(of))),
    ),
    measurement('own memory of all, idle after work', 'bytes', [total]),
    measurement(`own memory of ${many}`, 'bytes', [
      backendMemoryBytes(
        many,
        median(idle, ({ own }) => own),
      ),
    ]),
  ]
}

export function memoryTable(memory: MemoryInPhases): Table {
  return {
    caption: 'Memory of one backend, medians',
    head: ['', 'the articles', ...kinds.map(({ words }) => words)],
    rows: phases.map((phase) => {
      const range = articles[phase]
      return [
        phase,
        range ? `${range.join('–')} MB` : '–',
        ...kinds.map(({ of }) => bytesText(median(memory[phase], of))),
      ]
    }),
  }
}

export function memoryPlot(memory: MemoryInPhases): Figure {
  return {
    kind: 'bars',
    title: 'The memory of one backend',
    subtitle: 'medians; what ps shows counts shared memory in full for each',
    unit: 'MiB',
    series: kinds.map(({ words }) => ({ name: words })),
    groups: phases.map((phase) => ({ label: phase, values: kinds.map(({ of }) => median(memory[phase], of) / mib) })),
  }
}
