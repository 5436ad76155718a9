import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nearestName } from './nearest-name.ts'

describe('nearestName', () => {
  const names = ['listen_port', 'listen_addr', 'logfile', 'user']

  it('finds the name that needs the fewest changes', () => {
    assert.equal(nearestName('listen_prot', names), 'listen_port')
    assert.equal(nearestName('log_file', names), 'logfile')
    assert.equal(nearestName('LISTEN_ADDR', names), 'listen_addr')
  })

  it('finds nothing where too much differs', () => {
    assert.equal(nearestName('timeout', names), undefined)
    assert.equal(nearestName('x', names), undefined)
    assert.equal(nearestName('', names), undefined)
    assert.equal(nearestName('x'.repeat(10_000_000), names), undefined)
  })
})
