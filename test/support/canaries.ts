/**
 * Distinctive strings in the place of secrets, and the search for them in whatever a program says: as they are, in
 * hexadecimal, in base64 at each of its three alignments.
 */

import { createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export class Canaries {
  readonly #all: { readonly name: string; readonly forms: readonly Form[] }[] = []

  /** A new secret, known under this name. */
  make(name: string): string {
    const text = `canary${randomBytes(9).toString('hex')}`
    this.watch(name, Buffer.from(text))
    return text
  }

  /** A secret of eight bytes or more that was made elsewhere. */
  watch(name: string, secret: Buffer): void {
    if (secret.length < 8) throw new Error(`${name} is too short to be told from chance`)
    this.#all.push({ name, forms: formsOf(secret) })
  }

  /** What a SCRAM secret in PostgreSQL's form, and the password behind it, can be made into. */
  watchScram(name: string, password: string, verifier: string): void {
    const [, iterations, salt = '', storedKey = '', serverKey = ''] = verifier.split(/[$:]/)
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256')
    this.watch(`${name}: salted password`, salted)
    this.watch(`${name}: ClientKey`, createHmac('sha256', salted).update('Client Key').digest())
    this.watch(`${name}: StoredKey`, Buffer.from(storedKey, 'base64'))
    this.watch(`${name}: ServerKey`, Buffer.from(serverKey, 'base64'))
  }

  /** A private key in PEM, line by line. */
  watchKey(name: string, pem: string): void {
    for (const line of pem.split('\n')) if (/^[^-]{8}/.test(line)) this.watch(name, Buffer.from(line))
  }

  get size(): number {
    return this.#all.length
  }

  /** One line for each that stands in the text. */
  foundIn(where: string, text: string): string[] {
    const lower = text.toLowerCase()
    return this.#all.flatMap(({ name, forms }) => {
      const form = forms.find(({ text: sought, isAnyCase }) => (isAnyCase ? lower : text).includes(sought))
      return form ? [`${where}: ${name}, as ${form.name}`] : []
    })
  }
}

interface Form {
  readonly name: string
  readonly text: string
  readonly isAnyCase: boolean
}

function formsOf(secret: Buffer): Form[] {
  return [
    { name: 'it is', text: secret.toString('latin1'), isAnyCase: false },
    { name: 'hexadecimal', text: secret.toString('hex'), isAnyCase: true },
    { name: 'a list of bytes', text: [...secret].join(','), isAnyCase: true },
    ...[0, 1, 2].flatMap((shift) => base64Forms(secret, shift)),
  ]
}

/** What is the same whatever stands around it. */
function base64Forms(secret: Buffer, shift: number): Form[] {
  const padded = Buffer.concat([Buffer.alloc(shift), secret])
  const whole = padded.subarray(0, padded.length - (padded.length % 3)).toString('base64')
  const text = whole.slice(shift === 0 ? 0 : 4)
  const urlText = text.replaceAll('+', '-').replaceAll('/', '_')
  return [text, urlText].map((sought) => ({ name: 'base64', text: sought, isAnyCase: false }))
}
