import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import * as fc from 'fast-check'
import { type ParameterSet, ParameterSets } from './parameters.ts'
import { openingStatement, setStatement } from './session-statements.ts'

const ours = {
  application_name: 'app',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  search_path: '"$user", public',
  is_superuser: 'off',
  server_version: '18.0',
}

describe('setStatement', () => {
  let sets: ParameterSets
  const setOf = (values: Record<string, string>): ParameterSet => sets.of(new Map(Object.entries(values)))

  beforeEach(() => {
    sets = new ParameterSets()
  })

  const at = (parameters: ParameterSet, login = parameters) => ({ parameters, login })

  it('sets what is not reported as well, and the role last', () => {
    const client = sets.of(
      new Map(Object.entries(ours)),
      new Map([
        ['role', 'r'],
        ['work_mem', '5MB'],
      ]),
    )
    assert.equal(
      setStatement(at(setOf(ours)), client),
      "SET exit_on_error=on;SELECT pg_catalog.set_config('work_mem',E'5MB',false);SELECT pg_catalog.set_config('role',E'r',false);SET exit_on_error=off",
    )
  })

  it('resets everything where something is set that the client has not set, and begins with the role', () => {
    const login = setOf(ours)
    const before = sets.of(
      new Map(Object.entries({ ...ours, DateStyle: 'German' })),
      new Map([
        ['role', 'r'],
        ['a.b', '1'],
      ]),
    )
    const client = sets.of(new Map(Object.entries({ ...ours, application_name: 'x' })), new Map([['c.d', '2']]))
    assert.equal(
      setStatement(at(before, login), client),
      "SET exit_on_error=on;RESET role;RESET ALL;SET exit_on_error=on;SET DateStyle=E'ISO, MDY';SET application_name=E'x';SET client_encoding=E'UTF8';SELECT pg_catalog.set_config('search_path',E'\"$user\", public',false);SELECT pg_catalog.set_config('c.d',E'2',false);SET exit_on_error=off",
    )
  })

  it('changes nothing but what differs where nothing has to go', () => {
    const from = sets.of(
      new Map(Object.entries(ours)),
      new Map([
        ['a.b', '1'],
        ['role', 'r'],
      ]),
    )
    const to = sets.of(new Map(Object.entries(ours)), new Map([['a.b', '2']]))
    assert.equal(
      setStatement(at(from), to),
      "SET exit_on_error=on;RESET role;SELECT pg_catalog.set_config('a.b',E'2',false);SET exit_on_error=off",
    )
  })

  it('is nothing between equal sets, and where nothing that differs can be set', () => {
    const set = setOf(ours)
    assert.equal(setStatement(at(set), set), undefined)
    assert.equal(setStatement(at(set), setOf({ ...ours, is_superuser: 'on', server_version: '17.5' })), undefined)
  })

  it('sets what differs, guarded so that a refusal ends the session', () => {
    assert.equal(
      setStatement(at(setOf(ours)), setOf({ ...ours, DateStyle: 'German', application_name: 'other' })),
      "SET exit_on_error=on;SET DateStyle=E'German';SET application_name=E'other';SET exit_on_error=off",
    )
  })

  it('sets nothing that the server does not report', () => {
    const { search_path: _, ...older } = ours
    assert.equal(setStatement(at(setOf(older)), setOf({ ...ours, search_path: 'x' })), undefined)
  })

  it('hands a list of quoted names over whole', () => {
    assert.equal(
      setStatement(at(setOf(ours)), setOf({ ...ours, search_path: `"it's", public` })),
      `SET exit_on_error=on;SELECT pg_catalog.set_config('search_path',E'"it''s", public',false);SET exit_on_error=off`,
    )
  })

  it('quotes every ASCII value so that it stays one', () => {
    const value = fc.string({ unit: fc.constantFrom("'", '\\', ';', '-', '\n', '$', 'a', ' ', '"', 'E') })
    const property = fc.property(value, (text) => {
      fc.pre(text !== ours.application_name)
      const statement = setStatement(at(setOf(ours)), setOf({ ...ours, application_name: text })) ?? ''
      const quoted = /^SET exit_on_error=on;SET application_name=E'((?:[^'\\]|''|\\\\)*)';SET exit_on_error=off$/
      const [, inside = ''] = quoted.exec(statement) ?? assert.fail(statement)
      assert.equal(
        inside.replace(/''|\\\\/g, (pair) => pair.charAt(0)),
        text,
      )
    })
    fc.assert(property)
  })

  it('carries bytes beyond ASCII where no character contains an ASCII byte', () => {
    for (const encoding of ['UTF8', 'utf-8', 'UNICODE', 'LATIN1', 'SQL_ASCII', 'ISO_8859_5', 'WIN1252']) {
      const from = setOf({ ...ours, client_encoding: encoding })
      const to = sets.with(from, 'application_name', 'caf\xc3\xa9')
      assert.equal(
        setStatement(at(from), to),
        "SET exit_on_error=on;SET application_name=E'caf\xc3\xa9';SET exit_on_error=off",
      )
    }
  })

  it('refuses to carry them under any other encoding', () => {
    const named = { ...ours, application_name: '\x83\x5c' }
    for (const encoding of ['SJIS', 'GBK', 'BIG5', 'GB18030', 'JOHAB', 'UHC', 'SHIFT_JIS_2004', '']) {
      const other = { client_encoding: encoding }
      assert.throws(() => setStatement(at(setOf(ours)), setOf({ ...named, ...other })), {
        code: 'parameter_refused',
        message: `the value of application_name has bytes beyond ASCII and client_encoding is ${encoding}: use UTF8`,
      })
    }
  })

  it('has the guard and the encoding ahead of bytes beyond ASCII, which PostgreSQL may refuse as it reads them', () => {
    const [named, latin] = [setOf({ ...ours, application_name: '\xe9' }), setOf({ ...ours, client_encoding: 'LATIN1' })]
    const text = setStatement(at(setOf(ours)), named) ?? ''
    assert.equal(openingStatement(text, setOf(ours), named), 'SET exit_on_error=on')
    assert.equal(openingStatement(text, latin, named), "SET exit_on_error=on;SET client_encoding=E'utf8'")
    assert.equal(openingStatement(setStatement(at(latin), setOf(ours)) ?? '', latin, setOf(ours)), undefined)
  })
})
