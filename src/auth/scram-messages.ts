/**
 * The grammar of SCRAM-SHA-256's four messages (RFC 5802, section 7), as strict as PostgreSQL's and libpq's. Texts are byte
 * strings: what is signed is what was on the wire. Everything is bounded here, before anybody computes with it. Whatever
 * reads throws `protocol_violation`, which names what is wrong and repeats nothing of the message.
 */

import { TaxirankError } from '../errors.ts'
import { decodeBase64 } from './base64.ts'
import { keyBytes, type ScramSalt } from './scram-keys.ts'
import { longestSaltBytes, mostIterations } from './secret.ts'

/** PostgreSQL and libpq make 24 characters each; RFC 5802 sets no bound. */
const longestClientNonce = 256
/** Of both together. */
const longestNonce = 512
const longestErrorText = 100
const printable = /^[!-+\--~]+$/
const attribute = /^[A-Za-z]$/

export interface ClientFirst {
  /** What stands before the message proper, to be repeated in `c=`: `n,,` or `y,,`. */
  readonly gs2Header: string
  /** The message without that header, which is what gets signed. */
  readonly bare: string
  readonly nonce: string
}

export interface ServerFirst extends ScramSalt {
  /** The client's, and what the server adds to it. */
  readonly nonce: string
}

export interface ClientFinal {
  /** `c=`, base64 of the header. */
  readonly channelBinding: string
  readonly nonce: string
  readonly proof: Buffer
  /** The message up to its proof, which is what gets signed. */
  readonly withoutProof: string
}

export type ServerFinal =
  | { readonly name: 'verified'; readonly signature: Buffer }
  | { readonly name: 'error'; readonly text: string }

export function readClientFirst(text: string): ClientFirst {
  const flag = text.charAt(0)
  if (flag === 'p') {
    throw new TaxirankError(
      'feature_not_supported',
      'channel binding is not supported: connect with channel_binding=disable or prefer',
    )
  }
  if (flag !== 'n' && flag !== 'y') throw malformed('unknown channel binding flag')
  if (text.startsWith(',a=', 1)) {
    throw new TaxirankError('feature_not_supported', 'SCRAM authorization identities are not supported')
  }
  const gs2Header = `${flag},,`
  if (!text.startsWith(gs2Header)) throw malformed('the header must be n,, or y,,')
  const bare = text.slice(gs2Header.length)
  const reader = new AttributeReader(bare)
  refuseMandatoryExtension(bare)
  reader.read('n')
  const nonce = readNonce(reader, longestClientNonce)
  while (!reader.isAtEnd) reader.readAny()
  return { gs2Header, bare, nonce }
}

/** `nonce` is ours. */
export function clientFirstBare(nonce: string): string {
  // PostgreSQL takes the user from the startup packet and wants no other here.
  return `n=,r=${nonce}`
}

export function readServerFirst(text: string, ownNonce: string): ServerFirst {
  refuseMandatoryExtension(text)
  const reader = new AttributeReader(text)
  const nonce = readNonce(reader, longestNonce)
  if (!nonce.startsWith(ownNonce) || nonce.length === ownNonce.length) {
    throw malformed('the nonce does not go on from ours')
  }
  const salt = decodeBase64(reader.read('s'))
  if (!salt || salt.length === 0 || salt.length > longestSaltBytes) {
    throw malformed(`the salt must be base64 of 1 to ${longestSaltBytes} bytes`)
  }
  const iterations = readIterations(reader.read('i'))
  if (!reader.isAtEnd) throw malformed('bytes behind the iterations')
  return { nonce, salt, iterations }
}

function readIterations(text: string): number {
  const iterations = /^[1-9]\d{0,14}$/.test(text) ? Number(text) : 0
  if (iterations >= 1 && iterations <= mostIterations) return iterations
  const is = iterations === 0 ? 'no number of iterations' : `${iterations.toLocaleString('en-US')} iterations`
  throw malformed(`${is}; allowed: 1 to ${mostIterations.toLocaleString('en-US')}`)
}

export function serverFirst(nonce: string, { salt, iterations }: ScramSalt): string {
  return `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
}

export function readClientFinal(text: string): ClientFinal {
  const reader = new AttributeReader(text)
  const channelBinding = reader.read('c')
  const nonce = readNonce(reader, longestNonce)
  for (;;) {
    const before = reader.offset
    const [letter, value] = reader.readAny()
    if (letter !== 'p') continue
    if (!reader.isAtEnd) throw malformed('bytes behind the proof')
    return { channelBinding, nonce, proof: readKey(value, 'proof'), withoutProof: text.slice(0, before - 1) }
  }
}

export function clientFinalWithoutProof(gs2Header: string, nonce: string): string {
  return `c=${Buffer.from(gs2Header, 'latin1').toString('base64')},r=${nonce}`
}

export function clientFinal(withoutProof: string, proof: Buffer): string {
  return `${withoutProof},p=${proof.toString('base64')}`
}

export function readServerFinal(text: string): ServerFinal {
  if (text.startsWith('e=')) return { name: 'error', text: readErrorText(text) }
  const reader = new AttributeReader(text)
  const signature = readKey(reader.read('v'), 'signature')
  if (!reader.isAtEnd) throw malformed('bytes behind the signature')
  return { name: 'verified', signature }
}

export function serverFinal(signature: Buffer): string {
  return `v=${signature.toString('base64')}`
}

/** What is signed by both. */
export function authMessage(firstBare: string, challenge: string, finalWithoutProof: string): Buffer {
  return Buffer.from(`${firstBare},${challenge},${finalWithoutProof}`, 'latin1')
}

function readNonce(reader: AttributeReader, longest: number): string {
  const nonce = reader.read('r')
  if (nonce.length > longest) throw malformed(`the nonce is longer than ${longest} characters`)
  if (!printable.test(nonce)) throw malformed('the nonce must be printable, and not empty')
  return nonce
}

function readKey(text: string, what: string): Buffer {
  const key = decodeBase64(text)
  if (key?.length !== keyBytes) throw malformed(`the ${what} must be base64 of ${keyBytes} bytes`)
  return key
}

/** It will be shown to people, so only as much as RFC 5802's own error names need, and nothing that isn't printable. */
function readErrorText(text: string): string {
  return new AttributeReader(text)
    .read('e')
    .replaceAll(/[^ -~]/g, '?')
    .slice(0, longestErrorText)
}

function refuseMandatoryExtension(text: string): void {
  if (!text.startsWith('m=')) return
  throw new TaxirankError('feature_not_supported', 'mandatory SCRAM extensions are not supported')
}

function malformed(what: string): TaxirankError {
  return new TaxirankError('protocol_violation', `malformed SCRAM message: ${what}`)
}

/** Reads `letter=value`, separated by commas, one after the other. */
class AttributeReader {
  readonly #text: string
  /** Where the next attribute begins; behind the end once there is none. */
  offset = 0

  constructor(text: string) {
    if (text.includes('\0')) throw malformed('it has a NUL in it')
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.offset > this.#text.length
  }

  /** The value of the next attribute, which must be this one. */
  read(letter: string): string {
    const [is, value] = this.readAny()
    if (is !== letter) throw malformed(`attribute ${letter} expected`)
    return value
  }

  readAny(): [letter: string, value: string] {
    const letter = this.#text.charAt(this.offset)
    if (!attribute.test(letter) || this.#text.charAt(this.offset + 1) !== '=') throw malformed('attribute expected')
    const comma = this.#text.indexOf(',', this.offset)
    const end = comma < 0 ? this.#text.length : comma
    const value = this.#text.slice(this.offset + 2, end)
    this.offset = end + 1
    return [letter, value]
  }
}
