import { TaxirankError } from '../errors.ts'

/** A line of a configuration file. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** Throws `bad_configuration` as `FILE:LINE: setting: what is wrong`. */
export function refuse(place: Place, setting: string, problem: string, cause?: unknown): never {
  const subject = setting === '' ? '' : `${setting}: `
  throw new TaxirankError('bad_configuration', `${place.file}:${place.line}: ${subject}${problem}`, { cause })
}
