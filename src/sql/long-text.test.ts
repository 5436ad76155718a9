import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LongText } from './long-text.ts'

/** Whether something was found in a text that comes in these pieces. */
function isFound(...pieces: readonly string[]): boolean {
  const text = new LongText()
  const [first = Buffer.alloc(0), ...others] = pieces.map((piece) => Buffer.from(piece, 'latin1'))
  const effects = [
    ...text.begin(first, 0, first.length),
    ...others.flatMap((piece) => text.goOn(piece, 0, piece.length)),
  ]
  return effects.some(({ kind }) => kind === 'indelible')
}

describe('a long text', () => {
  const padding = 'x '.repeat(200)

  it('shows what nothing undoes, wherever it is cut', () => {
    const words = [
      'select setseed(0.5)',
      "select dblink_connect_u('')",
      "select Set_Config('seed', '0.5', false)",
      'set session seed = 0.5',
      'set/**/seed = 0.5',
      'select set_config($$seed$$, $$0.5$$, false)',
      'execute taxirank_1',
      'set default_transaction_deferrable = on',
      'set session characteristics as transaction read only, deferrable',
      "-- it\n            load   'auto_explain'",
      "; load 'auto_explain'",
      'begin load $$auto_explain$$',
      "select pg_create_logical_replication_slot('', '', true)",
    ]
    for (const word of words)
      for (let cut = 0; cut <= word.length; cut++)
        assert.ok(isFound(padding + word.slice(0, cut), word.slice(cut) + ' ' + padding), `${word} cut at ${cut}`)
  })

  it('is not taken for more than it is because of data', () => {
    for (const data of ["('work load', 'seed')", 'set aside: seed', "'setseeds', 'dblink_connection'", 'load'])
      assert.ok(!isFound(`insert into t values ('a', ${data}`, `${padding})`), data)
  })

  it('begins anew with each text', () => {
    const text = new LongText()
    text.begin(Buffer.from('select setse'), 0, 12)
    assert.deepEqual(text.begin(Buffer.from('ed(1)'), 0, 5), [])
  })
})
