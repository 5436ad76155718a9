/** Steps in the latencies of a wave: who shares some connections is answered in groups, one after the other. */

export interface Step {
  /** How many were answered together. */
  readonly size: number
  /** Of the first and of the last of them. */
  readonly fromMs: number
  readonly untilMs: number
}

/** A step ends where nobody is answered for longer than `leastGapMs`. In any order; the steps are in theirs. */
export function stepsOf(latenciesMs: readonly number[], leastGapMs: number): readonly Step[] {
  const steps: Step[] = []
  for (const ms of latenciesMs.toSorted((a, b) => a - b)) {
    const last = steps.at(-1)
    if (last && ms - last.untilMs <= leastGapMs) steps[steps.length - 1] = { ...last, size: last.size + 1, untilMs: ms }
    else steps.push({ size: 1, fromMs: ms, untilMs: ms })
  }
  return steps
}
