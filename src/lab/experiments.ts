/** All experiments, in the order of the report. */

import type { Experiment } from './experiment.ts'
import { backend } from './experiments/backend.ts'
import { hello } from './experiments/hello.ts'
import { little } from './experiments/little.ts'
import { perRequest } from './experiments/per-request.ts'
import { saturation } from './experiments/saturation.ts'
import { serverless } from './experiments/serverless.ts'
import { shortener } from './experiments/shortener.ts'
import { starvation } from './experiments/starvation.ts'
import { sweep } from './experiments/sweep.ts'
import { thousand } from './experiments/thousand.ts'
import { utilisation } from './experiments/utilisation.ts'
import { waves } from './experiments/waves.ts'

export const experiments: readonly Experiment[] = [
  hello,
  perRequest,
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
]
