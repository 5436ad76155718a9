import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { announcementOf } from './announcement.ts'
import { differences, isIdentity, type ParameterSet, ParameterSets, tracksDefaults } from './parameters.ts'

const ours = {
  application_name: 'app',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  search_path: '"$user", public',
  is_superuser: 'off',
  server_version: '18.0',
}

describe('parameters', () => {
  let sets: ParameterSets
  const setOf = (values: Record<string, string>): ParameterSet => sets.of(new Map(Object.entries(values)))

  beforeEach(() => {
    sets = new ParameterSets()
  })

  it("are tracked by PostgreSQL's spelling, however a client writes them", () => {
    const names = ['DATESTYLE', 'timezone', 'application_name', 'Search_Path', 'work_mem', 'is_superuser', '']
    assert.deepEqual(
      names.map((name) => tracksDefaults.nameOf(name)),
      ['DateStyle', 'TimeZone', 'application_name', 'search_path', undefined, undefined, undefined],
    )
  })

  it('say who a session is, or how it is set up', () => {
    const names = ['session_authorization', 'is_superuser', 'application_name', 'in_hot_standby']
    assert.deepEqual(names.map(isIdentity), [true, true, false, false])
  })

  describe('ParameterSets', () => {
    it('gives equal values the same set, in whatever order they are named', () => {
      const one = setOf({ a: '1', b: '2' })
      assert.equal(setOf({ b: '2', a: '1' }), one)
      assert.deepEqual(
        [...one.values],
        [
          ['a', '1'],
          ['b', '2'],
        ],
      )
    })

    it('gives different values different sets and keys', () => {
      const made = [{}, { a: '' }, { a: '1' }, { a: '1', b: '' }, { ab: '' }, { a: 'b' }].map(setOf)
      assert.equal(new Set(made).size, 6)
      assert.equal(new Set(made.map(({ key }) => key)).size, 6)
      assert.ok(made.every(({ key }) => key > 0))
    })

    it('changes one value, and gives back the set itself if that is its value already', () => {
      const one = setOf({ a: '1', b: '2' })
      assert.equal(sets.with(one, 'a', '1'), one)
      assert.equal(sets.with(one, 'a', '3'), setOf({ a: '3', b: '2' }))
      assert.equal(sets.with(one, 'a', '3'), sets.with(one, 'a', '3'))
      assert.equal(sets.with(one, 'c', ''), setOf({ a: '1', b: '2', c: '' }))
      assert.deepEqual(
        [...one.values],
        [
          ['a', '1'],
          ['b', '2'],
        ],
      )
    })

    it('remembers no more sets than it may, and goes on giving out right ones', () => {
      const few = new ParameterSets(Buffer.alloc(0), 3)
      const base = few.of(new Map([['a', '0']]))
      const keys = new Set([base.key])
      for (let value = 1; value <= 500; value++) {
        const set = few.with(base, 'a', String(value))
        assert.deepEqual([...set.values], [['a', String(value)]])
        keys.add(set.key)
      }
      assert.equal(keys.size, 501)
    })

    it('reports a set to a client as one ParameterStatus for each value', () => {
      const report = setOf({ b: '2', a: '1' })
        .loginEnd.toString('latin1')
        .match(/S[^K]*/)?.[0]
      assert.equal(report, 'S\0\0\0\x08a\x001\0S\0\0\0\x08b\x002\0')
    })

    it('reports the announcement behind them, which is no value of the set', () => {
      const announced = new ParameterSets(announcementOf('9.9.9')).of(new Map([['a', '1']]))
      const report = announced.loginEnd.toString('latin1').match(/S[^K]*/)?.[0]
      assert.equal(report, 'S\0\0\0\x08a\x001\0S\0\0\0\x1ataxirank.pooler\x009.9.9\0')
      assert.deepEqual([...announced.values], [['a', '1']])
    })
  })

  it('differ in what one set has and the other has not, or has otherwise', () => {
    const set = setOf(ours)
    assert.deepEqual([...differences(set, set)], [])
    assert.deepEqual(
      [...differences(set, setOf({ ...ours, DateStyle: 'German', TimeZone: 'UTC' }))],
      [
        ['DateStyle', 'German'],
        ['TimeZone', 'UTC'],
      ],
    )
    const { search_path: _, ...fewer } = ours
    assert.deepEqual([...differences(set, setOf(fewer))], [])
  })
})
