import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noEffects } from '../sql/effect.ts'
import { PreparedStatements } from './prepared-statements.ts'

const classifier = { classify: () => noEffects }
const database = { definitions: 0 }
const parameters = { planKey: 1, encoding: 'UTF8', isTransparent: true }

describe('what the statements of a pool cost', () => {
  it('is right when one is used again that was given up and forgotten', () => {
    for (const content of ['select 1\0\0\0', "select 'now'\0\0\0"]) {
      const store = new PreparedStatements(classifier, database, { mostBytes: 300, mostUnused: 0, mostUnusedBytes: 0 })
      const statement = store.of(content, parameters)
      const other = store.of('select 2\0\0\0', parameters)
      for (let round = 0; round < 100; round++) {
        store.use(statement)
        store.giveUp(statement)
        store.use(other)
        store.giveUp(other)
      }
      assert.equal(store.isFull, false)
      store.use(statement)
      assert.equal(store.isFull, false)
      store.use(other)
      assert.equal(store.isFull, true)
    }
  })

  it('is that of one which nobody else has, too', () => {
    const store = new PreparedStatements(classifier, database, {
      mostBytes: 200,
      mostUnused: 10,
      mostUnusedBytes: 10_000,
    })
    const statement = store.alone('select 1\0\0\0', parameters)
    for (let round = 0; round < 100; round++) {
      store.use(statement)
      store.giveUp(statement)
    }
    assert.equal(store.isFull, false)
    store.use(statement)
    assert.equal(store.isFull, true)
    assert.notEqual(store.alone('select 1\0\0\0', parameters), statement)
  })
})
