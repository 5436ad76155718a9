/** What `--only` calls the experiments, in the order of the report. Apart from them, so that the command line need not load them. */
export const experimentNames = [
  'hello',
  'per-request',
  'waves',
  'sweep',
  'utilisation',
  'little',
  'thousand',
  'backend',
  'starvation',
  'serverless',
  'saturation',
  'shortener',
] as const

export type ExperimentName = (typeof experimentNames)[number]
