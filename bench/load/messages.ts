/** The little of protocol 3 that a load generator needs. It must cost less than what it measures. */

/** Called for every message; `body` is empty for types whose body nobody asked for. */
type Listener = (type: string, body: Buffer) => void

const headerBytes = 5

/** Cuts a stream into messages. The bodies of `wanted` types are handed out, the others are skipped where they lie. */
export class Messages {
  readonly #wanted: string
  readonly #listener: Listener
  #head: Buffer = Buffer.alloc(0)
  #type = ''
  #body: Buffer[] = []
  /** Of the message's body; -1 between messages. */
  #missing = -1

  constructor(wanted: string, listener: Listener) {
    this.#wanted = wanted
    this.#listener = listener
  }

  push(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 || this.#missing === 0) {
      rest = this.#missing < 0 ? this.#takeHeader(rest) : this.#takeBody(rest)
    }
  }

  #takeHeader(bytes: Buffer): Buffer {
    const lacking = headerBytes - this.#head.length
    this.#head =
      this.#head.length === 0 ? bytes.subarray(0, lacking) : Buffer.concat([this.#head, bytes.subarray(0, lacking)])
    if (this.#head.length === headerBytes) {
      this.#type = String.fromCharCode(this.#head[0] as number)
      this.#missing = this.#head.readUInt32BE(1) - 4
      this.#head = Buffer.alloc(0)
    }
    return bytes.subarray(lacking)
  }

  #takeBody(bytes: Buffer): Buffer {
    const taken = bytes.subarray(0, this.#missing)
    if (this.#wanted.includes(this.#type)) this.#body.push(taken)
    this.#missing -= taken.length
    if (this.#missing === 0) {
      this.#missing = -1
      const body = Buffer.concat(this.#body)
      this.#body = []
      this.#listener(this.#type, body)
    }
    return bytes.subarray(taken.length)
  }
}

/** For user and database `postgres`. */
export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const all = Object.entries({ user: 'postgres', database: 'postgres', ...parameters })
  const bytes = Buffer.from(`........${all.map(([name, value]) => `${name}\0${value}\0`).join('')}\0`)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt32BE(3 << 16, 4)
  return bytes
}

export function query(sql: string): Buffer {
  const bytes = Buffer.from(`Q....${sql}\0`)
  bytes.writeUInt32BE(bytes.length - 1, 1)
  return bytes
}

/** `key` is the body of a BackendKeyData. */
export function cancelRequest(key: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + key.length, 0)
  head.writeUInt32BE(80_877_102, 4)
  return Buffer.concat([head, key])
}

/** Code and text of an ErrorResponse: `57014 canceling statement due to user request`. */
export function errorText(body: Buffer): string {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .map((field) => [field.charAt(0), field.slice(1)]),
  )
  return `${fields.get('C')} ${fields.get('M')}`
}
