/** Statements as applications send them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Statement } from './oracle.ts'

/** A statement stands in a paragraph of its own; `#` begins a heading. */
export function readCorpus(): Statement[] {
  const paragraphs = readFileSync(join(import.meta.dirname, 'corpus.txt'), 'utf8').split(/\n\s*\n/)
  const texts = paragraphs.map((paragraph) => paragraph.trim()).filter((text) => text !== '' && !text.startsWith('#'))
  return texts.map((text) => ({ text, origin: 'corpus', circumstance: 'plain' }))
}
