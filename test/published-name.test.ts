import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { it } from 'node:test'
import { buildLibrary, root } from './support/library.ts'

it('the class that is published is called Pool', () => {
  buildLibrary()
  const published = createRequire(import.meta.url)(root) as { name: string }
  assert.equal(published.name, 'Pool')
})
