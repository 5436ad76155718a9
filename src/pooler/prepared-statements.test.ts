import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noEffects } from '../sql/effect.ts'
import { PreparedStatements } from './prepared-statements.ts'

const classifier = { classify: () => noEffects }
const database = { definitions: 0 }
const parameters = { planKey: 1, encoding: 'UTF8', isTransparent: true }

describe('a statement', () => {
  const store = new PreparedStatements(classifier, database)
  const of = (text: string, encoding = 'UTF8', planKey = 1): unknown =>
    store.of(`${text}\0\0\0`, { ...parameters, planKey, encoding })

  it('is shared by all with the same text, if that is not read as the moment', () => {
    for (const text of [
      'select now() as now',
      "select NOW ( ), 'a''b' as today",
      "select 'todays', 'known', tomorrow_at",
      'select "now"',
    ])
      assert.equal(of(text), of(text), text)
    for (const text of [
      "select timestamp 'now'",
      "select '{now}'::timestamptz[]",
      "select '[today,tomorrow)'::daterange",
      "select timestamp '04:05 Today'",
      "select '04:05yesterday'::timestamp",
      "select 'now()'::timestamptz",
      "select E'\\x6eow'::timestamptz",
      'select $$now$$::timestamptz',
      'select $\xc3\xa9$now$\xc3\xa9$::timestamptz',
      "select '_now_'::timestamptz -- it's",
    ])
      assert.notEqual(of(text), of(text), text)
  })

  it('is what its client has sent in the encoding of then, if it is not in ASCII', () => {
    const statement = store.of('select \xc3\xa9\0\0\0', parameters)
    assert.equal(statement.isForeignIn('UTF8'), false)
    assert.equal(statement.isForeignIn('LATIN1'), true)
    assert.equal(store.of('select 1\0\0\0', parameters).isForeignIn('LATIN1'), false)
    // What stands behind the text are the types of parameters.
    assert.equal(store.of('select $1\0\0\x01\0\0\xff\xff', parameters).isForeignIn('LATIN1'), false)
    assert.equal(store.alone('select \xe9\0\0\0', { ...parameters, encoding: '' }).isForeignIn('LATIN1'), true)
  })
})

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
