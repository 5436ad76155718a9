/** How much was done, and how long it took, in words. */

/** `1 experiment`, `12 experiments`. */
export function countText(experiments: number): string {
  return `${experiments} ${experiments === 1 ? 'experiment' : 'experiments'}`
}

/** `4 min 12 s`, `51 s`. */
export function tookText(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`
}
