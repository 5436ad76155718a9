import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { everySplit } from '../../test/support/splits.ts'
import { cancelRequest, startupMessage } from './build.ts'
import { longestStartup, StartupFramer, type StartupPacket } from './startup.ts'

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A packet with a length that is right, unless another is claimed. */
function packet(code: number, body: string | Buffer = '', length?: number): Buffer {
  const bytes = Buffer.concat([uint32(code), Buffer.from(body as string, 'latin1')])
  return Buffer.concat([uint32(length ?? 4 + bytes.length), bytes])
}

const version = (major: number, minor: number): number => major * 65_536 + minor
const v3 = version(3, 0)
const sslCode = 80_877_103
const gssCode = 80_877_104
const cancelCode = 80_877_102

interface Found {
  readonly packet: StartupPacket
  readonly length: number
  readonly rest: string
}

/** What comes of the chunks: the packet, and everything behind it. */
function collect(chunks: readonly Buffer[]): Found | undefined {
  const framer = new StartupFramer()
  let found: Found | undefined
  for (const chunk of chunks) {
    if (found) {
      found = { ...found, rest: found.rest + chunk.toString('latin1') }
      continue
    }
    const result = framer.push(chunk)
    if (result) found = { ...result, rest: result.rest.toString('latin1') }
  }
  assert.equal(found === undefined, framer.heldBytes > 0, 'bytes are kept exactly while the packet is not complete')
  return found
}

function parametersOf(bytes: Buffer): [string, string][] {
  const found = collect([bytes])
  assert.ok(found?.packet.name === 'startup')
  return [...found.packet.parameters]
}

/** The message of the refusal, which is the same in every split. */
function refusalOf(bytes: Buffer): string {
  const messages = new Set<string>()
  for (const chunks of bytes.length > 200 ? [[bytes]] : everySplit(bytes)) {
    assert.throws(
      () => collect(chunks),
      (error: { code: string; message: string }) => {
        messages.add(error.message)
        return error.code === 'protocol_violation'
      },
    )
  }
  assert.equal(messages.size, 1)
  return [...messages][0] as string
}

describe('StartupFramer', () => {
  it('reads every kind of packet in every split, and leaves what follows', () => {
    const packets: [Buffer, StartupPacket][] = [
      [packet(sslCode), { name: 'ssl-request' }],
      [packet(gssCode), { name: 'gss-request' }],
      [
        packet(cancelCode, Buffer.from([0, 0, 4, 210, 1, 2, 3, 4])),
        { name: 'cancel', processId: 1234, secret: Buffer.from([1, 2, 3, 4]) },
      ],
      [
        packet(v3, 'user\0me\0database\0mine\0\0'),
        {
          name: 'startup',
          minor: 0,
          parameters: new Map([
            ['user', 'me'],
            ['database', 'mine'],
          ]),
          protocolOptions: [],
        },
      ],
      [
        packet(v3, '_pq_.x\x001\0user\0me\0\0'),
        {
          name: 'startup',
          minor: 0,
          parameters: new Map([
            ['_pq_.x', '1'],
            ['user', 'me'],
          ]),
          protocolOptions: ['_pq_.x'],
        },
      ],
    ]
    for (const [bytes, expected] of packets) {
      for (const chunks of everySplit(Buffer.concat([bytes, Buffer.from('more')]))) {
        assert.deepEqual(collect(chunks), { packet: expected, length: bytes.length, rest: 'more' })
      }
    }
  })

  it('reads one packet after another', () => {
    const framer = new StartupFramer()
    const first = framer.push(Buffer.concat([packet(sslCode), packet(gssCode).subarray(0, 5)]))
    assert.equal(first?.packet.name, 'ssl-request')
    assert.equal(framer.push(first.rest), undefined)
    assert.equal(framer.push(packet(gssCode).subarray(5))?.packet.name, 'gss-request')
  })

  it('reads what startupMessage and cancelRequest build', () => {
    const pairs: [string, string][] = [
      ['user', 'J\u00f6rg'],
      ['application_name', ''],
    ]
    assert.deepEqual(parametersOf(startupMessage(pairs, 2)), pairs)
    const found = collect([cancelRequest(Buffer.from([0, 0, 0, 7, 9, 8, 7, 6]))])
    assert.deepEqual(found?.packet, { name: 'cancel', processId: 7, secret: Buffer.from([9, 8, 7, 6]) })
    const long = Buffer.alloc(256, 'x')
    const foundLong = collect([cancelRequest(Buffer.concat([Buffer.from([0, 0, 0, 7]), long]))])
    assert.deepEqual(foundLong?.packet, { name: 'cancel', processId: 7, secret: long })
  })

  it('says nothing about a packet of which the length is not there yet', () => {
    assert.equal(collect([Buffer.from([255, 255, 255])]), undefined)
  })

  it('refuses a length outside its limits as soon as it is read, and keeps nothing of it', () => {
    const complaint = (length: number): string => refusalOf(uint32(length))
    assert.deepEqual([0, 3, 7, 10_001, 2 ** 31, 2 ** 32 - 1].map(complaint), [
      'startup packet has length 0; allowed: 8 to 10000',
      'startup packet has length 3; allowed: 8 to 10000',
      'startup packet has length 7; allowed: 8 to 10000',
      'startup packet has length 10001; allowed: 8 to 10000',
      'startup packet has length 2147483648; allowed: 8 to 10000',
      'startup packet has length 4294967295; allowed: 8 to 10000',
    ])
    assert.equal(
      refusalOf(Buffer.from('GET / HTTP/1.1\r\n')),
      'startup packet has length 1195725856; allowed: 8 to 10000',
    )
  })

  it('takes a packet of the greatest length', () => {
    const value = 'x'.repeat(longestStartup - 15)
    assert.deepEqual(parametersOf(packet(v3, `user\0${value}\0\0`)), [['user', value]])
  })

  it('keeps less than a packet may be long, however it trickles in', () => {
    const framer = new StartupFramer()
    const bytes = packet(v3, 'x'.repeat(longestStartup - 8))
    for (const byte of bytes.subarray(0, longestStartup - 1)) {
      assert.equal(framer.push(Buffer.from([byte])), undefined)
    }
    assert.equal(framer.heldBytes, longestStartup - 1)
  })

  describe('protocol versions', () => {
    it('takes any minor version of 3, for the server to negotiate down', () => {
      for (const minor of [0, 1, 2, 9_999, 65_535]) {
        const found = collect([packet(version(3, minor), 'user\0me\0\0')])
        assert.deepEqual(found?.packet, {
          name: 'startup',
          minor,
          parameters: new Map([['user', 'me']]),
          protocolOptions: [],
        })
      }
    })

    it('refuses any other, and codes that are none', () => {
      const complaint = (code: number): string => refusalOf(packet(code, 'user\0me\0\0'))
      assert.deepEqual([version(2, 0), version(4, 0), 0, 80_877_105].map(complaint), [
        'unsupported frontend protocol 2.0: 3.0 to 3.2 are spoken here',
        'unsupported frontend protocol 4.0: 3.0 to 3.2 are spoken here',
        'unsupported frontend protocol 0.0: 3.0 to 3.2 are spoken here',
        'unsupported frontend protocol 1234.5681: 3.0 to 3.2 are spoken here',
      ])
    })
  })

  describe('parameters', () => {
    it('may be none, and values may be empty', () => {
      assert.deepEqual(parametersOf(packet(v3, '\0')), [])
      assert.deepEqual(parametersOf(packet(v3, 'user\0\0\0')), [['user', '']])
    })

    it('keep their bytes and their order', () => {
      assert.deepEqual(parametersOf(packet(v3, 'b\0\xff\xfe\0a\0\x01\0\0')), [
        ['b', '\xff\xfe'],
        ['a', '\x01'],
      ])
    })

    it('are read anew for other bytes, and the same for the same, however many packets come', () => {
      const names = Array.from({ length: 600 }, (_, index) => `user ${index}`)
      for (const name of [...names, ...names.reverse()]) {
        assert.deepEqual(parametersOf(packet(v3, `user\0${name}\0\0`)), [['user', name]])
      }
    })

    it('are told apart byte by byte, also where the bytes are no text', () => {
      for (const name of ['\xff', '\xfe', '\xc3\xa9', '\xe9']) {
        assert.deepEqual(parametersOf(packet(v3, `user\0${name}\0\0`)), [['user', name]])
      }
    })

    it('are refused when they are unterminated', () => {
      const complaint = (body: string): string => refusalOf(packet(v3, body))
      assert.deepEqual(['', 'user', 'user\0', 'user\0me', 'user\0me\0', 'user\0me\0x'].map(complaint), [
        'startup packet is not terminated',
        'startup packet is not terminated',
        'startup packet ends inside a parameter',
        'startup packet ends inside a parameter',
        'startup packet is not terminated',
        'startup packet is not terminated',
      ])
    })

    it('are not ended by a NUL behind the packet', () => {
      const bytes = Buffer.concat([packet(v3, 'user\0me'), Buffer.alloc(4)])
      assert.equal(refusalOf(bytes), 'startup packet ends inside a parameter')
    })

    it('are refused when one is named twice', () => {
      assert.equal(refusalOf(packet(v3, 'user\0me\0user\0you\0\0')), 'startup packet names a parameter twice')
      assert.equal(refusalOf(packet(v3, 'user\0me\0user\0me\0\0')), 'startup packet names a parameter twice')
    })

    it('are refused when bytes stand behind the terminator', () => {
      const bodies = ['user\0me\0\0\0', 'user\0me\0\0x', 'user\0me\0\0database\0mine\0\0', '\0\0']
      for (const body of bodies) {
        assert.equal(refusalOf(packet(v3, body)), 'startup packet goes on behind its terminator')
      }
    })

    it('cannot smuggle a parameter in behind a NUL inside a value', () => {
      assert.deepEqual(parametersOf(packet(v3, 'user\0me\0database\0a\0options\0-c x=1\0\0')), [
        ['user', 'me'],
        ['database', 'a'],
        ['options', '-c x=1'],
      ])
      assert.equal(refusalOf(packet(v3, 'user\0me\0\0database\0a\0\0')), 'startup packet goes on behind its terminator')
    })
  })

  describe('requests', () => {
    it('are refused when they have a body', () => {
      assert.equal(refusalOf(packet(sslCode, 'x')), 'encryption request has length 9; it must be 8')
      assert.equal(refusalOf(packet(gssCode, '\0')), 'encryption request has length 9; it must be 8')
    })

    it('to cancel are refused unless they carry a process id and a secret of 4 to 256 bytes', () => {
      const complaint = (bytes: number): string => refusalOf(packet(cancelCode, Buffer.alloc(bytes)))
      const refused = [0, 4, 7, 261, 1_000]
      assert.deepEqual(
        refused.map(complaint),
        refused.map((bytes) => `cancel request has length ${8 + bytes}; allowed: 16 to 268`),
      )
    })
  })
})
