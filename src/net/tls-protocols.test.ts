import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readTlsProtocols } from './tls-protocols.ts'

describe('the protocols of TLS', () => {
  const good: Record<string, [number, number]> = {
    secure: [0x303, 0x304],
    default: [0x303, 0x304],
    all: [0x301, 0x304],
    legacy: [0x301, 0x304],
    tlsv1: [0x301, 0x304],
    'tlsv1.0': [0x301, 0x301],
    'tlsv1.2': [0x303, 0x303],
    'TLSv1.3': [0x304, 0x304],
    'tlsv1.2,tlsv1.3': [0x303, 0x304],
    'tlsv1.1 : tlsv1.2': [0x302, 0x303],
    '!tlsv1.0': [0x302, 0x304],
    '!tlsv1.0,!tlsv1.1': [0x303, 0x304],
    'secure, !tlsv1.2': [0x304, 0x304],
    'all,!tlsv1.3': [0x301, 0x303],
  }
  for (const [text, [minVersion, maxVersion]] of Object.entries(good)) {
    it(`"${text}" are those from ${minVersion.toString(16)} to ${maxVersion.toString(16)}`, () => {
      assert.deepEqual(readTlsProtocols(text), { minVersion, maxVersion })
    })
  }

  for (const [text, message] of [
    ['', /^"" is no TLS protocol: all, legacy, /],
    ['sslv3', /^"sslv3" is no TLS protocol/],
    ['tlsv1.4', /^"tlsv1.4" is no TLS protocol/],
    ['secure,', /^"" is no TLS protocol/],
    ['!all', /^!all allows no protocol version$/],
    ['all,!tlsv1.1', /leaves out a version between tlsv1.0 and tlsv1.3: choose adjacent ones/],
  ] as const) {
    it(`"${text}" are refused`, () => {
      assert.throws(() => readTlsProtocols(text), { code: 'bad_configuration', message })
    })
  }
})
