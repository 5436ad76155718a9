/** What an experiment is. */

import type { ExperimentName } from './experiment-names.ts'
import type { Findings } from './results.ts'
import type { Rig } from './rig.ts'

export interface Experiment {
  readonly name: ExperimentName
  readonly title: string
  readonly question: string
  /** What the articles say about it. */
  readonly articles: string
  /** About how long it takes, in seconds: for the bars, and to end one that never ends. */
  readonly seconds: { readonly quick: number; readonly usual: number }
  /**
   * Calls `rig.predict` before it measures. What it opens by the rig is closed when this ends, however it ends. That the
   * server refuses or runs out of something is a result; it rejects only where nothing can be measured.
   */
  run(rig: Rig): Promise<Findings>
}
