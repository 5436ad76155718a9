import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inetAddress, unixSocketAddress } from './socket-address.ts'

const hex = (host: string): string | undefined => inetAddress(host, 5432)?.bytes.toString('hex')

describe('the address of a socket', () => {
  it('is family, port and address, of IPv4', () => {
    assert.equal(hex('127.0.0.1'), '020015387f0000010000000000000000')
    assert.equal(inetAddress('1.2.3.4', 1)?.family, 2)
  })

  for (const [host, expected] of [
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['2001:db8::8a2e:370:7334', '20010db80000000000008a2e03707334'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::8', '00010000000000000000000000000008'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
  ] as const) {
    it(`is family, port, flow and address, of ${host}`, () => {
      assert.equal(hex(host), `0a00153800000000${expected}00000000`)
    })
  }

  it('is not known of names and of addresses on a link', () => {
    assert.deepEqual(
      ['localhost', '', '1.2.3', 'fe80::1%lo', '1.2.3.4.5'].map((host) => inetAddress(host, 1)),
      Array.from({ length: 5 }, () => undefined),
    )
  })

  it('of a file ends with a zero, of an abstract name begins with one', () => {
    assert.equal(unixSocketAddress('/a').bytes.toString('latin1'), '\x01\0/a\0')
    assert.equal(unixSocketAddress('\0a').bytes.toString('latin1'), '\x01\0\0a')
  })
})
