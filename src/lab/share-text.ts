/** Shares in sentences, where a third digit only hides the first: `0.05%`, `3.5%`, `68%`. Tables have more. */

import { numberText } from '../report/number-text.ts'

/** Rounded to whole percents; to tenths under 10%, and to hundredths under 1%. What is not quite all is not written as all. */
export function shareText(share: number): string {
  if (!Number.isFinite(share)) return '–'
  const percents = 100 * share
  const rounded = roundedTo(percents, percents < 0.995 ? 100 : percents < 9.95 ? 10 : 1)
  const isAlmostAll = percents < 100 && rounded >= 99
  return `${numberText(isAlmostAll ? Math.min(99.9, roundedTo(percents, 10)) : rounded)}%`
}

function roundedTo(value: number, parts: number): number {
  return Math.round(value * parts) / parts
}
