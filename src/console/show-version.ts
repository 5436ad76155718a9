import { type Result, textColumn } from './result.ts'

/** SHOW VERSION. */
export function showVersion(version: string): Result {
  return { tag: 'SHOW', columns: [textColumn('version')], rows: [[version]] }
}
