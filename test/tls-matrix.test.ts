/**
 * What each mode of TLS accepts: every mode against every kind of certificate, on both sides, with our own socket and
 * with node:tls at the other end. A cell is what our end says: `yes`, or why not.
 */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connect } from '../src/net/connect.ts'
import { listen } from '../src/net/listen.ts'
import { acceptingTls, connectingTls, type TlsMode } from '../src/net/tls.ts'
import type { TlsRole } from '../src/net/tls-handshake.ts'
import { type Issued, issue } from './support/certificates.ts'
import { acceptForeign, connectForeign, joinEnds, TlsEnd } from './support/tls-ends.ts'

const dayMs = 86_400_000
const ca = issue({ name: 'Test CA', isAuthority: true })
const otherCa = issue({ name: 'Other CA', isAuthority: true })
const past = { notBefore: new Date(Date.now() - 3 * dayMs), notAfter: new Date(Date.now() - dayMs) }
const both = ['localhost', '127.0.0.1']

const certificates = {
  good: issue({ name: 'db', names: both, issuer: ca }),
  'with an RSA key': issue({ name: 'db', names: both, issuer: ca, keyKind: 'rsa' }),
  'with an Ed25519 key': issue({ name: 'db', names: both, issuer: ca, keyKind: 'ed25519' }),
  'self-signed': issue({ name: 'localhost', names: both }),
  'self-signed, of another host': issue({ name: 'db', names: ['other.example'] }),
  'of another CA': issue({ name: 'localhost', names: both, issuer: otherCa }),
  "of another CA with the right one's name": issue({
    name: 'localhost',
    names: both,
    issuer: { ...otherCa, name: ca.name },
  }),
  'of another host': issue({ name: 'localhost', names: ['other.example', '127.0.0.2'], issuer: ca }),
  'with a name, no address': issue({ name: '127.0.0.1', names: ['localhost'], issuer: ca }),
  'with an address, no name': issue({ name: 'db', names: ['127.0.0.1'], issuer: ca }),
  'with the name as CN only': issue({ name: 'localhost', issuer: ca }),
  'with the address as CN only': issue({ name: '127.0.0.1', issuer: ca }),
  'with a wildcard': issue({ name: 'db', names: ['*.example.com'], issuer: ca }),
  expired: issue({ name: 'db', names: both, issuer: ca, ...past }),
  'expired, of another host': issue({ name: 'db', names: ['other.example'], issuer: ca, ...past }),
  'not yet valid': issue({ name: 'db', names: both, issuer: ca, notBefore: new Date(Date.now() + dayMs) }),
} satisfies Record<string, Issued>
type Kind = keyof typeof certificates

const anyPeer = ['allow', 'prefer', 'require'] as const satisfies readonly TlsMode[]
const yes = 'yes'
const self = 'TLS: the certificate is not accepted: self signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)'
const stranger =
  'TLS: the certificate is not accepted: unable to verify the first certificate (UNABLE_TO_VERIFY_LEAF_SIGNATURE)'
const forged = 'TLS: the certificate is not accepted: certificate signature failure (CERT_SIGNATURE_FAILURE)'
const expired = 'TLS: the certificate is not accepted: certificate has expired (CERT_HAS_EXPIRED)'
const early = 'TLS: the certificate is not accepted: certificate is not yet valid (CERT_NOT_YET_VALID)'
const notHost = 'TLS: the certificate is not for localhost'
const notAddress = 'TLS: the certificate is not for 127.0.0.1'

/** Of a server's certificate: verify-ca, verify-full by name, verify-full by address. All other modes take any. */
const asServer: Record<Kind, readonly [string, string, string]> = {
  good: [yes, yes, yes],
  'with an RSA key': [yes, yes, yes],
  'with an Ed25519 key': [yes, yes, yes],
  'self-signed': [self, self, self],
  'self-signed, of another host': [self, self, self],
  'of another CA': [stranger, stranger, stranger],
  "of another CA with the right one's name": [forged, forged, forged],
  'of another host': [yes, notHost, notAddress],
  'with a name, no address': [yes, yes, notAddress],
  'with an address, no name': [yes, notHost, yes],
  'with the name as CN only': [yes, yes, notAddress],
  'with the address as CN only': [yes, notHost, notAddress],
  'with a wildcard': [yes, notHost, notAddress],
  expired: [expired, expired, expired],
  'expired, of another host': [expired, expired, expired],
  'not yet valid': [early, early, early],
}

const connecting = (mode: TlsMode, host = 'localhost', own?: Issued, protocols = 'secure'): TlsRole => ({
  tls: connectingTls({
    mode,
    protocols,
    ca: ca.certificate,
    ...(own && { certificate: own.certificate, key: own.key }),
  }),
  host,
})

const accepting = (mode: TlsMode, own: Issued = certificates.good, protocols = 'secure'): TlsRole => ({
  tls: acceptingTls({ mode, protocols, certificate: own.certificate, key: own.key, ca: ca.certificate }),
})

/** Each says its word, and sees the other's. What each end says of it. */
async function oursWithOurs(accept: TlsRole, open: TlsRole): Promise<readonly [string, string]> {
  const ends = await joinEnds(accept, open, (end) => {
    end.onSecured = (socket) => socket.write(Buffer.from('word'))
  })
  const outcome = async (end: TlsEnd): Promise<string> => {
    const secured = await end.secured
    if (typeof secured === 'string') return secured
    await end.until(() => end.events.includes('received') || end.events.includes('closed'))
    return end.events.includes('received') ? yes : `closed afterwards: ${(await end.over)?.message}`
  }
  const both = await Promise.all([outcome(ends.accepted), outcome(ends.connected)])
  ends.close()
  return both
}

/** Our end that connects, and node:tls, asking for a certificate or not. */
async function oursWithForeignServer(open: TlsRole, own: Issued | string): Promise<readonly [string, string]> {
  const foreign = await acceptForeign(
    typeof own === 'string' ? own : { cert: own.certificate, key: own.key, rejectUnauthorized: false },
  )
  let end: TlsEnd | undefined
  const outcome = await new Promise<string>((resolve, reject) => {
    connect(
      { host: '127.0.0.1', port: foreign.port, timeoutMs: 5_000 },
      (socket) => {
        const made = new TlsEnd(socket, open)
        made.onSecured = () => socket.write(Buffer.from('word'))
        made.onReceived = () => resolve(yes)
        void made.secured.then((secured) => typeof secured === 'string' && resolve(secured))
        end = made
        return made
      },
      reject,
    )
  })
  if (outcome === yes) assert.equal(await foreign.outcome, 'word')
  else assert.equal(end?.text, '', 'nothing is delivered from a peer that is not accepted')
  end?.socket.reset()
  foreign.close()
  return [outcome, outcome === yes ? yes : 'no']
}

/** Our end that accepts, and node:tls, with a certificate or without one, or something that speaks no TLS. */
async function oursWithForeignClient(accept: TlsRole, own: Issued | undefined | string): Promise<readonly string[]> {
  let made: TlsEnd | undefined
  const listener = listen({ host: '127.0.0.1', port: 0 }, (socket) => {
    const end = new TlsEnd(socket, accept)
    end.onReceived = (bytes) => socket.write(bytes)
    made = end
    return end
  })
  const options = own === undefined ? {} : { cert: (own as Issued).certificate, key: (own as Issued).key }
  const seen = await connectForeign(listener.port, typeof own === 'string' ? own : options)
  const secured = await made?.secured
  listener.stop()
  assert.equal(made?.text, typeof secured === 'string' ? '' : 'hello')
  return [typeof secured === 'string' ? secured : yes, seen]
}

const notYes = (text: string): string => (text === yes ? yes : 'no')

describe('a server certificate', () => {
  for (const [kind, own] of Object.entries(certificates) as [Kind, Issued][]) {
    for (const host of both) {
      for (const mode of [...anyPeer, 'verify-ca', 'verify-full'] as const) {
        const [verifyCa, byName, byAddress] = asServer[kind]
        const full = host === 'localhost' ? byName : byAddress
        const expected = { allow: yes, prefer: yes, require: yes, 'verify-ca': verifyCa, 'verify-full': full }[mode]
        it(`${kind}, under ${mode}, of ${host}: ${notYes(expected)}`, async () => {
          const [server, client] = await oursWithOurs(accepting('prefer', own), connecting(mode, host))
          assert.deepEqual([notYes(server), client], [notYes(expected), expected])
          assert.deepEqual(await oursWithForeignServer(connecting(mode, host), own), [expected, notYes(expected)])
        })
      }
    }
  }

  it('with a wildcard is for one label, under verify-full', async () => {
    for (const [host, expected] of [
      ['db.example.com', yes],
      ['example.com', 'no'],
      ['a.db.example.com', 'no'],
    ] as const) {
      const outcome = await oursWithForeignServer(connecting('verify-full', host), certificates['with a wildcard'])
      assert.equal(notYes(outcome[0]), expected, host)
    }
  })

  for (const protocols of ['tlsv1.2', 'tlsv1.3']) {
    it(`is judged the same with ${protocols}`, async () => {
      for (const kind of ['good', 'self-signed', 'of another CA', 'of another host', 'expired'] as const) {
        const own = certificates[kind]
        const outcomes = []
        for (const mode of ['require', 'verify-ca', 'verify-full'] as const) {
          outcomes.push((await oursWithForeignServer(connecting(mode, 'localhost', undefined, protocols), own))[0])
        }
        assert.deepEqual(outcomes, [yes, asServer[kind][0], asServer[kind][1]], kind)
      }
    })
  }
})

describe('a client certificate', () => {
  const none = 'TLS: the handshake failed: PEER_DID_NOT_RETURN_A_CERTIFICATE'
  const expectations: Partial<Record<Kind | 'none', string>> = {
    none,
    good: yes,
    'with an Ed25519 key': yes,
    'self-signed': self,
    'of another CA': stranger,
    "of another CA with the right one's name": forged,
    'of another host': yes,
    expired,
    'not yet valid': early,
  }
  for (const [kind, verifying] of Object.entries(expectations)) {
    const own = kind === 'none' ? undefined : certificates[kind as Kind]
    for (const mode of [...anyPeer, 'verify-ca', 'verify-full'] as const) {
      const expected = mode.startsWith('verify') ? verifying : yes
      for (const protocols of ['tlsv1.2', 'tlsv1.3']) {
        it(`${kind}, under ${mode} with ${protocols}: ${notYes(expected)}`, async () => {
          const accept = accepting(mode, certificates.good, protocols)
          const [server, client] = await oursWithOurs(accept, connecting('require', 'localhost', own, protocols))
          assert.deepEqual([server, notYes(client)], [expected, notYes(expected)])
          const [outcome, seen] = await oursWithForeignClient(accept, own)
          assert.deepEqual([outcome, seen === 'hello'], [expected, expected === yes])
        })
      }
    }
  }
})

describe('a peer that speaks no TLS', () => {
  for (const mode of [...anyPeer, 'verify-ca', 'verify-full'] as const) {
    it(`is not taken for one that does, under ${mode}`, async () => {
      const garbage = 'R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I'
      const [server] = await oursWithForeignServer(connecting(mode), garbage)
      assert.match(server, /^TLS: the handshake failed: WRONG_VERSION_NUMBER/)
      const [client] = await oursWithForeignClient(accepting(mode), 'Q\0\0\0\x0dselect 1\0')
      assert.match(client as string, /^TLS: the handshake failed: /)
    })
  }
})
