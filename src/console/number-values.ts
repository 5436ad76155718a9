/** Times and choices in the units and spellings of PgBouncer's columns. */

/** `YYYY-MM-DD HH:MM:SS UTC` of milliseconds since the epoch. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** Whole seconds, and the microseconds beyond them. */
export function secondsAndMicros(ms: number): readonly [seconds: number, micros: number] {
  const all = Math.round(ms * 1_000)
  return [Math.floor(all / 1_000_000), all % 1_000_000]
}

export function micros(ms: number): bigint {
  return whole(ms * 1_000)
}

/** Rounded. */
export function whole(value: number): bigint {
  return BigInt(Math.round(value))
}

export function yesNo(isTrue: boolean): 'yes' | 'no' {
  return isTrue ? 'yes' : 'no'
}
