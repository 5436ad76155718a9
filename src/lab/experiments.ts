/** All experiments, in the order of the report. */

import type { Experiment } from './experiment.ts'
import { type ExperimentName, experimentNames } from './experiment-names.ts'
import { backend } from './experiments/backend/backend.ts'
import { hello } from './experiments/hello/hello.ts'
import { little } from './experiments/little/little.ts'
import { perRequest } from './experiments/per-request/per-request.ts'
import { saturation } from './experiments/saturation/saturation.ts'
import { serverless } from './experiments/serverless/serverless.ts'
import { shortener } from './experiments/shortener/shortener.ts'
import { starvation } from './experiments/starvation/starvation.ts'
import { sweep } from './experiments/sweep/sweep.ts'
import { thousand } from './experiments/thousand/thousand.ts'
import { utilisation } from './experiments/utilisation/utilisation.ts'
import { waves } from './experiments/waves/waves.ts'

const byName: Readonly<Record<ExperimentName, Experiment>> = {
  hello,
  'per-request': perRequest,
  waves,
  sweep,
  utilisation,
  little,
  thousand,
  backend,
  starvation,
  serverless,
  saturation,
  shortener,
}

export const experiments: readonly Experiment[] = experimentNames.map((name) => byName[name])
