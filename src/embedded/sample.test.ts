import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sampleSql } from './sample.ts'

describe('the sample', () => {
  it('ends every command as single-user mode wants it: a semicolon and an empty line, one command each', () => {
    const commands = sampleSql.trimStart().split(';\n\n')
    assert.equal(commands.pop(), '')
    assert.deepEqual(
      commands.map((command) => /^(CREATE TABLE|CREATE INDEX|INSERT INTO|ANALYZE)[^;]*$/.exec(command)?.[1]),
      [...Array<string>(3).fill('CREATE TABLE'), 'CREATE INDEX', ...Array<string>(3).fill('INSERT INTO'), 'ANALYZE'],
    )
  })

  it('is the same every time', () => {
    assert.doesNotMatch(sampleSql, /random|now\(|current_/i)
  })
})
