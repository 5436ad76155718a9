/** A table for a terminal: columns as wide as they must be, numbers to the right. */

import { numberText } from './number-text.ts'

/** Each row has a cell for each heading. Ends with a line break. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? numberText(cell) : cell)))
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => (row[column] ?? '').length)))
  const isRight = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'))
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, column) => {
      const width = widths[column] ?? 0
      return isRight[column] ? text.padStart(width) : text.padEnd(width)
    })
    return `  ${padded.join('  ').trimEnd()}\n`
  }
  return [head, ...cells].map(line).join('')
}
