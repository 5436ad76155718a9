import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { announcementOf, withoutAnnouncement } from './announcement.ts'

describe('the announcement', () => {
  it('is a ParameterStatus with the version', () => {
    assert.equal(announcementOf('1.2.3').toString('latin1'), 'S\0\0\0\x1ataxirank.pooler\x001.2.3\0')
  })

  it('of a pooler behind this one is not handed on as a parameter of its servers', () => {
    const reported = new Map([
      ['TimeZone', 'UTC'],
      ['taxirank.pooler', '1.2.3'],
    ])
    assert.deepEqual([...withoutAnnouncement(reported)], [['TimeZone', 'UTC']])
    assert.equal(reported.size, 2)
    const plain = new Map([['TimeZone', 'UTC']])
    assert.equal(withoutAnnouncement(plain), plain)
  })
})
