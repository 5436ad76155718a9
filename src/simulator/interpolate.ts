/** Between neighbours on a straight line; before the first its value, beyond the last its value. At two of the same place: the first. */
export function interpolate(points: readonly (readonly [at: number, value: number])[], at: number): number {
  const above = points.findIndex(([place]) => place >= at)
  if (above < 0) return (points.at(-1) as readonly [number, number])[1]
  const [to, toValue] = points[above] as readonly [number, number]
  const [from, fromValue] = points[Math.max(0, above - 1)] as readonly [number, number]
  return to === from ? toValue : fromValue + ((at - from) / (to - from)) * (toValue - fromValue)
}
