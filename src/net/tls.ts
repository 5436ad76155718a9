/**
 * What TLS is done with: certificates, protocols, ciphers and what is asked of the peer, for connections that we accept
 * and for those that we open. A set-up is checked by building a context from it, so that a handshake can only fail for
 * what the peer does. Files are read by whoever has their names; a reload makes a new set-up, and connections that are
 * already there keep theirs.
 */

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { TaxirankError } from '../errors.ts'
import { readTlsProtocols } from './tls-protocols.ts'

/** `disable` needs no set-up. */
export type TlsMode = 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** PEM texts, and words as PgBouncer has them. */
export interface TlsTexts {
  readonly mode: TlsMode
  /** May hold the chain behind the certificate, too. */
  readonly certificate?: string
  readonly key?: string
  /** Who may have signed the peer's certificate; absent: the authorities that the runtime comes with. */
  readonly ca?: string
  /** Absent: `secure`, TLS 1.2 and 1.3. */
  readonly protocols?: string
  /** Up to TLS 1.2, in OpenSSL's syntax; `default`, `secure`, `fast`, `normal`: the runtime's. */
  readonly ciphers?: string
}

export interface AcceptingTexts extends TlsTexts {
  readonly certificate: string
  readonly key: string
  /** The name of a curve, or several with colons between; absent or `auto`: the runtime's. */
  readonly ecdhCurve?: string
}

/** For `upgradeTLS`; the runtime takes more than its types say. */
export interface RuntimeTlsOptions {
  readonly cert?: string
  readonly key?: string
  readonly ca?: string
  readonly ciphers?: string
  readonly ecdhCurve?: string
  readonly minVersion: number
  readonly maxVersion: number
  readonly requestCert?: boolean
  readonly rejectUnauthorized: boolean
}

interface TlsSetup {
  readonly mode: TlsMode
  /** The peer must show a certificate that a known authority has signed. */
  readonly isVerifying: boolean
  /** When our own certificate ends, if we have one. */
  readonly expires: Date | undefined
  readonly options: RuntimeTlsOptions
}

export interface AcceptingTls extends TlsSetup {
  readonly role: 'accepting'
}

export interface ConnectingTls extends TlsSetup {
  readonly role: 'connecting'
  /** The certificate must also be for the host that we meant to reach. */
  readonly isNameChecked: boolean
}

const defaultCiphers = new Set(['', 'default', 'secure', 'fast', 'normal'])

/**
 * For connections that we accept. Below verify-ca nobody is asked for a certificate; verify-ca and verify-full demand
 * one and check who signed it, not the name in it, as in PgBouncer. Throws `bad_configuration`.
 */
export function acceptingTls(texts: AcceptingTexts): AcceptingTls {
  const isVerifying = isVerifyingMode(texts.mode)
  const curve = texts.ecdhCurve ?? 'auto'
  if (curve === 'none') throw refused('TLS without ECDH is not possible: choose auto or the name of a curve')
  const options = {
    ...commonOptions(texts, isVerifying),
    ...(curve !== '' && curve !== 'auto' && { ecdhCurve: curve }),
    requestCert: isVerifying,
  }
  return Object.freeze({
    role: 'accepting',
    mode: texts.mode,
    isVerifying,
    expires: checkedExpiry(texts),
    options: built(options),
  })
}

/**
 * For connections that we open. Up to require any certificate will do; verify-ca checks who signed it, verify-full also
 * that it is for our host's name or address. Throws `bad_configuration`.
 */
export function connectingTls(texts: TlsTexts): ConnectingTls {
  const isVerifying = isVerifyingMode(texts.mode)
  const options = commonOptions(texts, false)
  return Object.freeze({
    role: 'connecting',
    mode: texts.mode,
    isVerifying,
    isNameChecked: texts.mode === 'verify-full',
    expires: checkedExpiry(texts),
    options: built(options),
  })
}

function isVerifyingMode(mode: TlsMode): boolean {
  return mode === 'verify-ca' || mode === 'verify-full'
}

function commonOptions(texts: TlsTexts, rejectUnauthorized: boolean): RuntimeTlsOptions {
  const { certificate, key, ca } = texts
  const ciphers = readCiphers(texts.ciphers ?? 'default')
  return {
    ...readTlsProtocols(texts.protocols ?? 'secure'),
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca }),
    ...(ciphers !== undefined && { ciphers }),
    rejectUnauthorized,
  }
}

function readCiphers(text: string): string | undefined {
  const word = text.trim()
  if (defaultCiphers.has(word.toLowerCase())) return undefined
  if (word.toLowerCase() === 'all') return 'ALL'
  if (/(^|[:,; ])TLS_/.test(word)) {
    throw refused(`the ciphers of TLS 1.3 can't be chosen: leave ${word} out, all that there are stay allowed`)
  }
  return word
}

/** Checks what can be told apart, for a clear sentence; the last day of our certificate. */
function checkedExpiry({ certificate, key, ca }: TlsTexts): Date | undefined {
  if (ca !== undefined) readCertificate(ca, 'the CA file')
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined) throw refused('there is a TLS key, but no certificate for it')
  if (key === undefined) throw refused('there is a TLS certificate, but no key for it')
  const own = readCertificate(certificate, 'the certificate file')
  if (!own.checkPrivateKey(readKey(key))) throw refused('the TLS key does not belong to the certificate')
  return new Date(own.validTo)
}

function readCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw refused(`${what} holds no certificate in PEM form`, cause)
  }
}

function readKey(pem: string): ReturnType<typeof createPrivateKey> {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type:.*ENCRYPTED/m.test(pem)) {
    throw refused('the TLS key is encrypted with a passphrase: nobody is there to enter it')
  }
  try {
    return createPrivateKey(pem)
  } catch {
    // What the parser says might repeat a part of the key.
    throw refused('the key file holds no private key in PEM form')
  }
}

function built<T extends RuntimeTlsOptions>(options: T): T {
  try {
    // Here versions would have to be words, there they are numbers; and they are known to be good.
    const { minVersion: _, maxVersion: __, ...rest } = options
    createSecureContext(rest)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ERR_SSL_NO_CIPHER_MATCH') throw refused(`no such TLS ciphers: ${options.ciphers}`, cause)
    if (options.ecdhCurve !== undefined && message.includes('ECDH')) {
      throw refused(`no such curve for TLS: ${options.ecdhCurve}`, cause)
    }
    throw refused(`TLS can't be set up: ${message}`, cause)
  }
  return Object.freeze(options)
}

function refused(message: string, cause?: unknown): TaxirankError {
  return new TaxirankError('bad_configuration', message, { cause })
}
