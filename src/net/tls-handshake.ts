/**
 * Turns a connection into an encrypted one, and judges the peer when the handshake is over. The judgement is made from
 * what the runtime reports and from the certificate itself, not from the runtime's own `authorized`: it checks names where
 * none were asked for, and calls a handshake good that it then ends. Nothing that the peer sends is delivered before.
 */

import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { Socket } from './socket.ts'
import type { AcceptingTls, ConnectingTls } from './tls.ts'

/** What is known about an encrypted connection. */
export interface TlsSession {
  /** Such as `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** The common name in the peer's certificate; undefined without a certificate, or if there isn't exactly one name. */
  readonly peerName: string | undefined
  /** The DNS names in the peer's certificate. */
  readonly peerAlternativeNames: readonly string[]
}

/** With whom TLS is begun: as who, and with the name of the host if we are the one who connects. */
export type TlsRole = { readonly tls: AcceptingTls } | { readonly tls: ConnectingTls; readonly host: string }

export type RawSocket = Bun.Socket<Socket>

/** What the runtime tells at the end of a handshake. `isFinished`: not broken off. */
interface Outcome {
  readonly isFinished: boolean
  readonly error: NodeJS.ErrnoException | null
  readonly isAuthorized: boolean
  readonly certificate: PeerCertificate | undefined
}

type Options = Bun.TLSUpgradeOptions<Socket> & { isServer: boolean }

/** The encrypted socket. What still comes to the old one, the bytes before decryption, goes to `sink`. */
export function encrypted(raw: RawSocket, role: TlsRole, owner: Socket, sink: Socket, handlers: object): RawSocket {
  const options = {
    isServer: role.tls.role === 'accepting',
    data: owner,
    tls: 'host' in role ? { ...role.tls.options, serverName: indicatedName(role.host) } : role.tls.options,
    socket: handlers,
  } as Options
  const [below, above] = raw.upgradeTLS(options)
  below.data = sink
  return above
}

/** An address is not indicated (RFC 6066, section 3). The empty text keeps the runtime from doing it on its own. */
function indicatedName(host: string): string {
  return isIP(host) === 0 ? host : ''
}

/** Of a socket whose handshake is over: undefined if the peer may stay, or why not. */
export function judgePeer(raw: RawSocket, role: TlsRole, isOk: boolean, error: Error | null): string | undefined {
  return judge(role, {
    isFinished: isOk || isAboutCertificate(error),
    error,
    isAuthorized: raw.authorized,
    certificate: shownCertificate(raw),
  })
}

export function describeSession(raw: RawSocket): TlsSession {
  const certificate = shownCertificate(raw)
  const name: unknown = certificate?.subject.CN
  return {
    protocol: raw.getTLSVersion(),
    cipher: raw.getCipher().name,
    peerName: typeof name === 'string' ? name : undefined,
    peerAlternativeNames: readDnsNames(certificate?.subjectaltname ?? ''),
  }
}

/** The runtime has none for a peer that shows none, whatever its types say. */
function shownCertificate(raw: RawSocket): PeerCertificate | undefined {
  const certificate = raw.getPeerCertificate() as Partial<PeerCertificate> | undefined
  return certificate?.raw && certificate.subject ? (certificate as PeerCertificate) : undefined
}

/** Pure: what the modes mean. */
function judge(role: TlsRole, outcome: Outcome): string | undefined {
  const { isFinished, error, certificate } = outcome
  if (!isFinished) return `the handshake failed: ${error ? describe(error) : 'no reason is known'}`
  if (!role.tls.isVerifying) return undefined
  if (!certificate) return 'no certificate was shown'
  if (!('host' in role)) {
    return error || !outcome.isAuthorized ? `the certificate is not accepted: ${describe(error)}` : undefined
  }
  // The runtime's own check of a name, of whichever it thinks; reported only where the chain is good.
  if (error && error.code !== wrongName) return `the certificate is not accepted: ${describe(error)}`
  if (!role.tls.isNameChecked) return undefined
  return checkServerIdentity(role.host, certificate) ? `the certificate is not for ${role.host}` : undefined
}

const wrongName = 'ERR_TLS_CERT_ALTNAME_INVALID'
const certificateCodes =
  /^(CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|PATH_LENGTH_|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID)/

/** The handshake came to its end, and what is wrong is the peer's certificate. */
function isAboutCertificate(error: NodeJS.ErrnoException | null): boolean {
  return certificateCodes.test(error?.code ?? '')
}

function describe(error: NodeJS.ErrnoException | null): string {
  if (!error) return 'it is not trusted'
  if (error.code === 'ECONNRESET') return 'the peer broke it off'
  const text = /OPENSSL_internal:(\w+)/.exec(error.message)?.[1] ?? error.message
  return error.code === undefined || error.code === 'EPROTO' ? text : `${text} (${error.code})`
}

/** What a broken TLS connection says about it. */
export function describeTlsError(error: NodeJS.ErrnoException): string {
  return `TLS failed: ${describe(error)}`
}

/** From `DNS:one, IP Address:127.0.0.1, DNS:"odd, one"`. */
function readDnsNames(text: string): readonly string[] {
  return [...text.matchAll(/(\w[\w ]*):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].flatMap(([, kind, name = '']) =>
    kind === 'DNS' && !name.startsWith('"') ? [name] : [],
  )
}
