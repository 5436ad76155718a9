import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judge, whyNot } from './judge.ts'
import type { Played, Reference, Sight } from './played.ts'

const reference: Reference = { answers: ['C SET', 'Z I'], shows: ['7MB', '7MB', '7MB'], fresh: '4MB', untouched: '4MB' }
const clean: Played = { answers: reference.answers, shows: reference.shows, sights: [], isPinned: false }
const nothing: Reference = { ...reference, shows: ['4MB', '4MB', '4MB'] }

function sight(saw: string): Sight {
  return { when: 'beside', saw, server: 'the same server' }
}

describe('the verdict on a cell', () => {
  for (const [keeping, shows] of Object.entries({
    kept: ['7MB', '7MB', '7MB'],
    server: ['7MB', '7MB', '4MB'],
    alone: ['7MB', '4MB', '4MB'],
    lost: ['4MB', '4MB', '4MB'],
  })) {
    it(`is ${keeping} where A sees ${shows.join(', ')}`, () => {
      assert.deepEqual(judge({ ...clean, shows }, reference, '4MB'), { keeping, leaks: [] })
    })
  }

  it('is pinned where A sees its own and B has to wait', () => {
    assert.equal(judge({ ...clean, isPinned: true }, reference, '4MB').keeping, 'pinned')
  })

  it('is none where there is nothing to keep, and wrong where something is there', () => {
    assert.equal(judge({ ...clean, shows: nothing.shows }, nothing, '4MB').keeping, 'none')
    assert.equal(judge(clean, nothing, '4MB').keeping, 'wrong')
  })

  it('names whoever sees anything but what a fresh session shows', () => {
    const sights = [sight('4MB'), sight('7MB'), sight('lost: closed')]
    assert.deepEqual(judge({ ...clean, sights }, reference, '4MB').leaks, sights.slice(1))
  })

  it('names whoever sees what A sees, where a fresh session shows something else each time', () => {
    const sights = [sight('0.5'), sight('0.7')]
    const random = { ...reference, shows: ['0.1', '0.5', '0.9'] }
    const played = { ...clean, shows: random.shows, sights }
    assert.deepEqual(judge(played, random, undefined), { keeping: 'kept', leaks: [sight('0.5')] })
  })

  it('is refused with the SQLSTATE of what a direct connection takes', () => {
    const answers = ['E ERROR 0A000: session state is refused', 'Z I']
    const { keeping, refusal } = judge({ ...clean, answers, shows: nothing.shows }, reference, '4MB')
    assert.deepEqual([keeping, refusal], ['refused', '0A000'])
  })

  it('tells of what is there in spite of a refusal', () => {
    const answers = ['E ERROR 0A000: session state is refused', 'Z I']
    assert.equal(judge({ ...clean, answers }, reference, '4MB').differs, 'refused, and yet A sees “7MB”')
  })

  it('tells of other answers', () => {
    assert.equal(
      judge({ ...clean, answers: ['C SET', 'Z T'] }, reference, '4MB').differs,
      '“Z T” was answered for “Z I”',
    )
    assert.equal(judge({ ...clean, answers: ['C SET'] }, reference, '4MB').differs, '“nothing” was answered for “Z I”')
    assert.equal(
      judge({ ...clean, answers: [...reference.answers, 'Z I'] }, reference, '4MB').differs,
      '“Z I” was answered for “nothing”',
    )
  })
})

describe('a kind in a situation', () => {
  it('is no cell where PostgreSQL refuses it, but for the failure that is wanted', () => {
    assert.equal(whyNot(['C SET', 'E ERROR 22012: division by zero', 'Z I']), undefined)
    assert.equal(whyNot(['E ERROR 25001: in a block', 'Z I']), 'E ERROR 25001: in a block')
  })
})
