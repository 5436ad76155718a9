/** A table for a terminal: columns as wide as they must be, numbers and quantities to the right. */

import { isQuantity, numberText } from './number-text.ts'

/** Each row has a cell for each heading. Ends with a line break. */
export function textTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? numberText(cell) : cell)))
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => (row[column] ?? '').length)))
  const isRight = head.map((_, column) => cells.length > 0 && cells.every((row) => isQuantity(row[column] ?? '')))
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, column) => {
      const width = widths[column] ?? 0
      return isRight[column] ? text.padStart(width) : text.padEnd(width)
    })
    return `  ${padded.join('  ').trimEnd()}\n`
  }
  return [head, ...cells].map(line).join('')
}
