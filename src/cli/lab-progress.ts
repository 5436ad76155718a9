/** How far the lab is: on a terminal a bar that moves, elsewhere a line when an experiment is over. */

import type { Experiment } from '../lab/experiment.ts'
import type { ExperimentResult, LabResults } from '../lab/results.ts'
import type { Tell } from '../lab/run-lab.ts'
import { timeText } from '../report/number-text.ts'

/** Where it is shown: stderr, or a stand-in. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const barWidth = 24
/** Where the terminal says nothing, or 0. */
const usualColumns = 80
const redrawMs = 100
/** Back to the beginning of the line, and everything on it gone. */
const clearLine = '\r\u001B[2K'

export class LabProgress implements Tell {
  readonly #experiments: readonly Experiment[]
  readonly #isQuick: boolean
  readonly #screen: Screen
  readonly #save: (results: LabResults) => void
  readonly #now: () => number
  #drawnMs = -Infinity
  #hasLeft = false

  /** `save`: called when one more experiment is over. */
  constructor(
    experiments: readonly Experiment[],
    isQuick: boolean,
    screen: Screen,
    save: (results: LabResults) => void,
    now = () => performance.now(),
  ) {
    this.#experiments = experiments
    this.#isQuick = isQuick
    this.#screen = screen
    this.#save = save
    this.#now = now
  }

  /** What goes on before the first experiment. */
  prepares(doing: string): void {
    if (this.#screen.isTTY) this.#draw(0, doing)
  }

  progressed(experiment: number, share: number, doing: string): void {
    if (!this.#screen.isTTY || this.#now() - this.#drawnMs < redrawMs) return
    this.#drawnMs = this.#now()
    const before = this.#secondsOf(this.#experiments.slice(0, experiment))
    const within = share * this.#secondsOf(this.#experiments.slice(experiment, experiment + 1))
    const place = `${experiment + 1}/${this.#experiments.length}`
    const name = this.#experiments[experiment]?.name ?? ''
    this.#draw(
      (before + within) / this.#secondsOf(this.#experiments),
      `${place} ${name}${doing === '' ? '' : `: ${doing}`}`,
    )
  }

  found(results: LabResults): void {
    const last = results.experiments.at(-1)
    if (last) this.#line(lineOf(last))
    this.#save(results)
  }

  puzzled(experiment: string, error: Error): void {
    this.#line(`${experiment}: ${error.stack ?? error.message}`)
  }

  /** True: something of the lab's couldn't be removed. */
  get hasLeft(): boolean {
    return this.#hasLeft
  }

  left(what: string): void {
    this.#hasLeft = true
    this.#line(`taxirank: ${what}`)
  }

  /** Nothing of the bar is left. */
  end(): void {
    if (this.#screen.isTTY) this.#screen.write(clearLine)
  }

  #secondsOf(experiments: readonly Experiment[]): number {
    return experiments.reduce((sum, { seconds }) => sum + (this.#isQuick ? seconds.quick : seconds.usual), 0)
  }

  #draw(share: number, text: string): void {
    const full = Math.round(share * barWidth)
    const bar = '█'.repeat(full) + '░'.repeat(barWidth - full)
    const line = `${bar} ${String(Math.floor(share * 100)).padStart(3)}%  ${text}`
    this.#screen.write(clearLine + line.slice(0, (this.#screen.columns || usualColumns) - 1))
  }

  #line(text: string): void {
    this.#screen.write(`${this.#screen.isTTY ? clearLine : ''}${text}\n`)
    this.#drawnMs = -Infinity
  }
}

function lineOf({ name, state, problem, tookMs }: ExperimentResult): string {
  const outcome = state === 'measured' ? '' : ` ${problem ?? state}`
  return `${state === 'measured' ? '✓' : '✗'} ${name.padEnd(12)} ${timeText(Math.round(tookMs / 100) * 100)}${outcome}`
}
