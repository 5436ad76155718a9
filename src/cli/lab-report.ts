/** The report of a run, as files: written whenever something more is known, whole or as it was. */

import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { labPage } from '../lab/lab-page.ts'
import type { LabResults } from '../lab/results.ts'

/** No clock of ours tells more. */
const significantDigits = 6

export class LabReport {
  readonly #folder: string
  #problem: string | undefined = 'nothing was measured, so what was there before is left as it was'

  constructor(folder: string) {
    this.#folder = folder
  }

  get isWritten(): boolean {
    return this.#problem === undefined
  }

  /** What was there before stays until something has been measured. That it can't be written ends no run: `whereText` tells. */
  write(results: LabResults): void {
    if (!results.experiments.some(({ state }) => state === 'measured')) return
    try {
      this.#writeFile('results.json', `${JSON.stringify(results, rounded, 1)}\n`)
      this.#writeFile('index.html', labPage(results))
      this.#problem = undefined
    } catch (error) {
      this.#problem = (error as Error).message
    }
  }

  whereText(): string {
    if (this.#problem !== undefined) return `There is no report: ${this.#problem}`
    const [page, numbers] = ['index.html', 'results.json'].map((name) => join(this.#folder, name))
    return `The report: ${page}, and its numbers: ${numbers}`
  }

  #writeFile(name: string, text: string): void {
    const path = join(this.#folder, name)
    try {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    } catch (error) {
      rmSync(`${path}.new`, { recursive: true, force: true })
      throw error
    }
  }
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(significantDigits)) : value
}
