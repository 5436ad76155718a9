import assert from 'node:assert/strict'
import { it } from 'node:test'
import { version, versionLine } from './version.ts'

it('names the version of PgBouncer whose interface this is, and its own', () => {
  assert.match(version, /^\d+\.\d+\.\d+/)
  assert.equal(versionLine, `PgBouncer 1.25.2 (Taxirank ${version})`)
})
