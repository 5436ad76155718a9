/** Nothing longer is a name mistyped. */
const longestName = 100

/**
 * The name a mistyped one was most likely meant to be; undefined when none is near. Near: at most a third of the
 * letters differ, and never more than three.
 */
export function nearestName(mistyped: string, names: Iterable<string>): string | undefined {
  if (mistyped.length > longestName) return undefined
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(mistyped.length / 3)) + 1
  for (const name of names) {
    const distance = editDistance(mistyped.toLowerCase(), name)
    if (distance < bestDistance) [best, bestDistance] = [name, distance]
  }
  return best
}

/** Levenshtein's distance: insertions, deletions and replacements. One row of its matrix is kept. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1)
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
