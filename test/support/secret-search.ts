/** Canaries in the place of a run's secrets, and the search for them in all that it hears of the pooler. */

import { Canaries } from './canaries.ts'
import { RawClient } from './raw-client.ts'

const metricsLimitMs = 2_000

export class SecretSearch {
  readonly canaries = new Canaries()
  /** The line in which one was found first, by the sentence that says which and where. */
  readonly #found = new Map<string, string>()
  #logLines = 0
  #figures = 0
  #errors = 0

  /** A whole log, or whole lines of one. */
  log(text: string): void {
    this.#logLines += text.split('\n').length - 1
    this.#search('the log', text)
  }

  /** Metrics, or what the console shows. */
  figures(text: string): void {
    this.#figures++
    this.#search('figures', text)
  }

  /** What a client was told. */
  readonly error = (text: string): void => {
    this.#errors++
    this.#search('an error', text)
  }

  /** Hears from now on what any RawClient of this process is told. */
  listen(): void {
    RawClient.told = this.error
  }

  /** Asks a pooler's `http_port`. */
  async askMetrics(httpPort: number): Promise<void> {
    for (const path of ['metrics', 'api/snapshot']) {
      const signal = AbortSignal.timeout(metricsLimitMs)
      this.figures(await (await fetch(`http://127.0.0.1:${httpPort}/${path}`, { signal })).text())
    }
  }

  /** Sentences. */
  get found(): string[] {
    return Array.from(this.#found, ([sentence, line]) => `a secret in ${sentence}: ${line.slice(0, 300)}`)
  }

  get summary(): string {
    const places = `${this.#logLines} log lines, ${this.#figures} metrics texts, ${this.#errors} errors`
    return `secrets found: ${this.found.length} of ${this.canaries.size} canaries in ${places}`
  }

  #search(where: string, text: string): void {
    for (const sentence of this.canaries.foundIn(where, text)) {
      if (this.#found.has(sentence)) continue
      const line = text.split('\n').find((one) => this.canaries.foundIn(where, one).includes(sentence))
      this.#found.set(sentence, line ?? '')
    }
  }
}
