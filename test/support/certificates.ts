/** X.509 certificates made with nothing but node:crypto, so that TLS tests need no other program. */

import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** A certificate and its private key, as PEM. */
export interface Issued {
  readonly name: string
  readonly certificate: string
  readonly key: string
}

export interface Wanted {
  /** The subject's common name. */
  readonly name: string
  /** Subject alternative names: host names and IPv4 addresses. */
  readonly names?: readonly string[]
  readonly isAuthority?: boolean
  /** Absent: signed with its own key. */
  readonly issuer?: Issued
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly keyKind?: 'ec' | 'rsa' | 'ed25519'
}

const dayMs = 86_400_000
const ecdsaWithSha256 = '06082a8648ce3d040302'
const rsaWithSha256 = '06092a864886f70d01010b'
const ed25519 = '06032b6570'
const commonName = '0603550403'
const basicConstraints = '0603551d13'
const subjectAltName = '0603551d11'

export function issue(wanted: Wanted): Issued {
  const { publicKey, privateKey } = newKeys(wanted.keyKind ?? 'ec')
  const { issuer } = wanted
  const issuerKey = issuer ? createPrivateKey(issuer.key) : privateKey
  const algorithm = signatureAlgorithm(issuerKey)
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.name ?? wanted.name),
    validity(wanted),
    distinguishedName(wanted.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions(wanted)),
  )
  const digest = issuerKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const signature = sign(digest, toBeSigned, issuerKey)
  return {
    name: wanted.name,
    certificate: pem(
      'CERTIFICATE',
      sequence(toBeSigned, algorithm, der(0x03, Buffer.concat([Buffer.of(0), signature]))),
    ),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}

function newKeys(kind: NonNullable<Wanted['keyKind']>): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2_048 })
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'rsa') return sequence(Buffer.from(rsaWithSha256, 'hex'), Buffer.from('0500', 'hex'))
  return sequence(Buffer.from(key.asymmetricKeyType === 'ed25519' ? ed25519 : ecdsaWithSha256, 'hex'))
}

function extensions({ isAuthority = false, names = [] }: Wanted): Buffer {
  const all = []
  if (isAuthority) {
    const critical = Buffer.from('0101ff', 'hex')
    all.push(sequence(Buffer.from(basicConstraints, 'hex'), critical, der(0x04, sequence(critical))))
  }
  if (names.length > 0) {
    all.push(sequence(Buffer.from(subjectAltName, 'hex'), der(0x04, sequence(...names.map(alternativeName)))))
  }
  return sequence(...all)
}

function alternativeName(name: string): Buffer {
  if (isIP(name) === 4) return der(0x87, Buffer.from(name.split('.').map(Number)))
  return der(0x82, Buffer.from(name, 'latin1'))
}

function distinguishedName(name: string): Buffer {
  const value = der(0x0c, Buffer.from(name, 'utf8'))
  return sequence(der(0x31, sequence(Buffer.from(commonName, 'hex'), value)))
}

function validity({ notBefore, notAfter }: Wanted): Buffer {
  const now = Date.now()
  return sequence(time(notBefore ?? new Date(now - dayMs)), time(notAfter ?? new Date(now + 30 * dayMs)))
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`, 'latin1'))
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 128) return Buffer.of(length)
  return length < 256 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff)
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
