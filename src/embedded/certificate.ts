/** A certificate that is good for a day: self-signed, ECDSA P-256, for `localhost`. For tests, benchmarks and the lab. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

const validMs = 86_400_000

/** Both in PEM. */
export function makeCertificate(now = new Date()): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  return { certificate: pem('CERTIFICATE', signed(toBeSigned(publicKey, now), privateKey)), key }
}

/** RFC 5280, section 4.1, without extensions: version 1. */
function toBeSigned(publicKey: KeyObject, now: Date): Buffer {
  const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)])
  const name = sequence(set(sequence(commonName, element(0x0c, Buffer.from('localhost')))))
  const validity = sequence(utcTime(new Date(now.getTime() - validMs)), utcTime(new Date(now.getTime() + validMs)))
  const publicInfo = publicKey.export({ type: 'spki', format: 'der' })
  return sequence(element(0x02, serial), ecdsaWithSha256, name, validity, name, publicInfo)
}

function signed(content: Buffer, key: KeyObject): Buffer {
  return sequence(
    content,
    ecdsaWithSha256,
    element(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', content, key)])),
  )
}

// DER: type, length, content.

/** 2.5.4.3 */
const commonName = element(0x06, Buffer.from('550403', 'hex'))
/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = sequence(element(0x06, Buffer.from('2a8648ce3d040302', 'hex')))

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return element(0x31, Buffer.concat(parts))
}

/** YYMMDDhhmmssZ */
function utcTime(time: Date): Buffer {
  const digits = time.toISOString().replace(/\D/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${digits}Z`))
}

function element(type: number, content: Buffer): Buffer {
  const { length } = content
  const lengths = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([type, ...lengths]), content])
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
