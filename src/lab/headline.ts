/** What a list of experiments says of one: a short sentence of numbers that are known. */

export const longestHeadline = 100

/** What `report/number-text.ts` writes for what is no number. */
const unknown = '–'

/** The first that is known throughout and short enough; empty: none is. The fuller ones stand first. */
export function headlineOf(...sentences: readonly (string | undefined)[]): string {
  const isFit = (sentence: string | undefined): boolean =>
    sentence !== undefined && sentence.length <= longestHeadline && !sentence.includes(unknown)
  return sentences.find(isFit) ?? ''
}
