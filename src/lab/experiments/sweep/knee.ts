/** Where more stops helping, as the lab says it of what it measured. */

export interface KneePoint {
  readonly size: number
  /** Of the best throughput. */
  readonly share: number
}

/** Of the best throughput: what is nearer cannot be told from it in a few short rounds. */
export const enough = 0.95

/** The smallest size that reaches 95 % of the best throughput; undefined: nothing was served at any. */
export function kneeOf<Point extends KneePoint>(points: readonly Point[]): Point | undefined {
  const good = points.filter(({ share }) => share >= enough)
  return good.toSorted((one, other) => one.size - other.size)[0]
}
