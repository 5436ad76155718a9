import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Experiment } from '../lab/experiment.ts'
import type { ExperimentResult, LabResults } from '../lab/results.ts'
import { LabProgress } from './lab-progress.ts'

const experiments = [
  { name: 'first', seconds: { quick: 1, usual: 10 } },
  { name: 'second', seconds: { quick: 3, usual: 30 } },
] as unknown as Experiment[]
const clear = '\r\u001B[2K'
const resultsOf = (...found: Partial<ExperimentResult>[]) => ({ experiments: found }) as unknown as LabResults

function progressOn(screen: { isTTY?: boolean; columns?: number }) {
  const written: string[] = []
  const saved: LabResults[] = []
  const clock = { ms: 0 }
  const write = (text: string): void => void written.push(text)
  const save = (results: LabResults): void => void saved.push(results)
  const progress = new LabProgress(experiments, false, { ...screen, write }, save, () => clock.ms)
  return { progress, written, saved, clock }
}

describe('on a terminal', () => {
  it('a bar shows how much of all is done, by how long each takes', () => {
    const { progress, written, clock } = progressOn({ isTTY: true })
    progress.progressed(0, 0.5, '')
    clock.ms = 1_000
    progress.progressed(1, 0.5, 'a thing')
    assert.deepEqual(written, [
      `${clear}███░░░░░░░░░░░░░░░░░░░░░  12%  1/2 first`,
      `${clear}███████████████░░░░░░░░░  62%  2/2 second: a thing`,
    ])
  })

  it('is not drawn more often than can be seen, nor wider than there is room', () => {
    const { progress, written, clock } = progressOn({ isTTY: true, columns: 40 })
    progress.progressed(0, 0, 'what takes many words to tell')
    progress.progressed(0, 0.1, '')
    clock.ms = 99
    progress.progressed(0, 0.2, '')
    assert.deepEqual(written, [`${clear}░░░░░░░░░░░░░░░░░░░░░░░░   0%  1/2 firs`])
    const unsaid = progressOn({ isTTY: true, columns: 0 })
    unsaid.progress.progressed(0, 0, 'in words')
    assert.deepEqual(unsaid.written, [`${clear}░░░░░░░░░░░░░░░░░░░░░░░░   0%  1/2 first: in words`])
  })

  it('gives way to a line for each that is over, and to nothing at the end', () => {
    const { progress, written } = progressOn({ isTTY: true })
    progress.found(resultsOf({ name: 'first', state: 'measured', problem: null, tookMs: 12_345 }))
    progress.end()
    assert.deepEqual(written, [`${clear}✓ first        12.3 s\n`, clear])
  })
})

describe('elsewhere', () => {
  it('there are only the lines, and whatever is over is saved', () => {
    const { progress, written, saved } = progressOn({})
    progress.prepares('anything')
    progress.progressed(0, 0.5, '')
    const results = resultsOf({ name: 'first', state: 'failed', problem: 'it broke', tookMs: 99 })
    progress.found(results)
    progress.end()
    assert.deepEqual([written, saved], [['✗ first        100 ms it broke\n'], [results]])
  })
})
