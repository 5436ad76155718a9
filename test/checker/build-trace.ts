/**
 * Builds traces by hand, for the checker's tests: one method per record, a few for what always goes together, and
 * PostgreSQL's messages. `records` may be changed before `bytes()`: that is how corrupted traces are made.
 */
import { kinds, magic } from './trace-reader.ts'

export interface BuiltRecord {
  kind: number
  detail: number
  a: number
  b: number
  timeMs: number
  payload: Buffer
}

export class TraceBuilder {
  records: BuiltRecord[] = []
  timeMs = 0
  readonly #poolOf = new Map<number, number>()
  readonly #readyServers = new Set<number>()
  readonly #openClients = new Map<number, number>()

  add(kind: number, a: number, b = 0, detail = 0, payload: Buffer = Buffer.alloc(0)): this {
    this.records.push({ kind, detail, a, b, timeMs: this.timeMs, payload })
    return this
  }

  /** Lets time pass. */
  wait(ms: number): this {
    this.timeMs += ms
    return this
  }

  /** `mode` as in record 1: 0 transaction, 1 session, 2 statement. */
  pool(id: number, max: number, mode = 0): this {
    return this.add(kinds.poolDefined, id, max, mode, Buffer.from(`database${id}\0user`))
  }

  accept(client: number): this {
    this.#openClients.set(client, 0)
    return this.add(kinds.clientAccepted, client)
  }

  clientSays(client: number, ...messages: Buffer[]): this {
    return this.add(kinds.clientBytes, client, 0, 0, Buffer.concat(messages))
  }

  discard(client: number, count: number, reason: number): this {
    return this.add(kinds.clientDiscarded, client, count, reason)
  }

  authenticate(client: number, pool: number): this {
    this.#openClients.set(client, pool)
    return this.add(kinds.clientAuthenticated, client, pool)
  }

  toClient(client: number, source: number, ...messages: Buffer[]): this {
    return this.add(kinds.clientWritten, client, source, 0, Buffer.concat(messages))
  }

  closeClient(client: number, detail = 0): this {
    this.#openClients.delete(client)
    return this.add(kinds.clientClosed, client, 0, detail)
  }

  /** Accepted, said who it is, authenticated, told so. */
  login(client: number, pool = 1): this {
    const packet = startup()
    return this.accept(client)
      .clientSays(client, packet)
      .discard(client, packet.length, 1)
      .authenticate(client, pool)
      .toClient(client, 0, loggedIn(client))
  }

  quit(client: number): this {
    return this.clientSays(client, terminate()).discard(client, 5, 2).closeClient(client)
  }

  opening(server: number, pool = 1): this {
    this.#poolOf.set(server, pool)
    return this.add(kinds.serverOpening, server, pool)
  }

  ready(server: number): this {
    const reply = loggedIn()
    this.#readyServers.add(server)
    return this.toServer(server, 0, startup())
      .serverSays(server, reply)
      .swallow(server, reply.length, 1)
      .add(kinds.serverReady, server, this.#poolOf.get(server))
  }

  open(server: number, pool = 1): this {
    return this.opening(server, pool).ready(server)
  }

  serverSays(server: number, ...messages: Buffer[]): this {
    return this.add(kinds.serverBytes, server, 0, 0, Buffer.concat(messages))
  }

  toServer(server: number, source: number, ...messages: Buffer[]): this {
    return this.add(kinds.serverWritten, server, source, 0, Buffer.concat(messages))
  }

  swallow(server: number, count: number, reason: number): this {
    return this.add(kinds.serverSwallowed, server, count, reason)
  }

  /** The client's next `count` bytes stand as these messages, or the beginning of one. */
  replaceOfClient(client: number, count: number, ...messages: Buffer[]): this {
    return this.add(kinds.clientReplaced, client, count, 0, Buffer.concat(messages))
  }

  replaceOfServer(server: number, count: number, ...messages: Buffer[]): this {
    return this.add(kinds.serverReplaced, server, count, 0, Buffer.concat(messages))
  }

  destroy(server: number, reason = 'for a test'): this {
    return this.add(kinds.serverDestroyed, server, 0, 0, Buffer.from(reason))
  }

  close(server: number): this {
    this.#readyServers.delete(server)
    return this.add(kinds.serverClosed, server)
  }

  queue(client: number, pool = 1): this {
    return this.add(kinds.waiterQueued, client, pool)
  }

  endWait(client: number, how: number, pool = 1): this {
    return this.add(kinds.waiterEnded, client, pool, how)
  }

  grant(client: number, server: number): this {
    return this.add(kinds.leaseGranted, client, server)
  }

  release(client: number, server: number): this {
    return this.add(kinds.leaseReleased, client, server)
  }

  /** Released to be reset first, with this answer to the pooler's own Query. */
  reset(client: number, server: number, text: string, ...answer: Buffer[]): this {
    return this.add(kinds.leaseReleased, client, server, 1)
      .toServer(server, 0, query(text))
      .serverSays(server, ...answer)
      .swallow(server, Buffer.concat(answer).length, 2)
  }

  /** The client says it, its server is written it. */
  ask(client: number, server: number, ...messages: Buffer[]): this {
    return this.clientSays(client, ...messages).toServer(server, client, ...messages)
  }

  /** The client says one message, its server is written another in its place, or one with another head. */
  askAs(client: number, server: number, said: Buffer, sent: Buffer): this {
    return this.clientSays(client, said).sendAs(client, server, said, sent)
  }

  /** The same of a message that has come. */
  sendAs(client: number, server: number, said: Buffer, sent: Buffer): this {
    const [count, head] = said[0] === sent[0] ? [headBytes(said), headBytes(sent)] : [said.length, sent.length]
    return this.replaceOfClient(client, count, sent.subarray(0, head)).toServer(server, client, sent)
  }

  /** The server answers what the pooler asked. */
  answerOwn(server: number, ...messages: Buffer[]): this {
    return this.serverSays(server, ...messages).swallow(server, Buffer.concat(messages).length, 2)
  }

  /** The server says one message, its client is given another. */
  answerAs(client: number, server: number, said: Buffer, given: Buffer): this {
    return this.serverSays(server, said).replaceOfServer(server, said.length, given).toClient(client, server, given)
  }

  /** The server says it, its client is given it. */
  answer(client: number, server: number, ...messages: Buffer[]): this {
    return this.serverSays(server, ...messages).toClient(client, server, ...messages)
  }

  /** One Query, from its arrival to the release. */
  transaction(client: number, server: number, text: string): this {
    return this.clientSays(client, query(text))
      .grant(client, server)
      .toServer(server, client, query(text))
      .answer(client, server, selected(text))
      .release(client, server)
  }

  cancelReceived(client: number): this {
    return this.add(kinds.cancelReceived, client)
  }

  cancelSent(client: number, server: number): this {
    return this.add(kinds.cancelSent, client, server)
  }

  cancelDone(client: number, server: number): this {
    return this.add(kinds.cancelDone, client, server)
  }

  /** Uses every client with every server of its pool once more, closes everything and ends the trace. */
  stop(): this {
    for (const [client, pool] of this.#openClients) {
      for (const server of this.#readyServers) {
        if (this.#poolOf.get(server) === pool) this.transaction(client, server, 'last')
      }
    }
    return this.end()
  }

  /** Closes everything and ends the trace. */
  end(): this {
    for (const client of this.#openClients.keys()) this.quit(client)
    for (const server of this.#readyServers) this.destroy(server).close(server)
    return this.add(kinds.end, 0)
  }

  bytes(): Buffer {
    return Buffer.concat([Buffer.from(magic), ...this.records.map(encode)])
  }
}

function encode({ kind, detail, a, b, timeMs, payload }: BuiltRecord): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(20 + payload.length, 0)
  head[4] = kind
  head[5] = detail
  head.writeUInt32LE(a, 8)
  head.writeUInt32LE(b, 12)
  head.writeDoubleLE(timeMs, 16)
  return Buffer.concat([head, payload])
}

/** A message of PostgreSQL's: a type of one letter, then the body's parts. */
export function message(type: string, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

/** A packet without a type: startup, SSLRequest, GSSENCRequest, CancelRequest. */
function packet(code: number, rest: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + rest.length, 0)
  head.writeUInt32BE(code, 4)
  return Buffer.concat([head, rest])
}

export function startup(): Buffer {
  return packet(196_608, Buffer.from('user\0user\0database\0database1\0\0'))
}

export function sslRequest(): Buffer {
  return packet(80_877_103)
}

/** With the key that this client is given at login. */
export function cancelRequest(client: number): Buffer {
  return packet(80_877_102, Buffer.alloc(8, client))
}

export function query(text: string): Buffer {
  return message('Q', `${text}\0`)
}

export function functionCall(): Buffer {
  return message('F', Buffer.alloc(10))
}

export function parse(statement: string, text: string): Buffer {
  return message('P', `${statement}\0${text}\0\0\0`)
}

/** Up to the end of the statement's name; of a Query, all. */
export function headBytes(said: Buffer): number {
  switch (String.fromCharCode(said[0] ?? 0)) {
    case 'P':
      return said.indexOf(0, 5) + 1
    case 'B':
      return said.indexOf(0, said.indexOf(0, 5) + 1) + 1
    default:
      return said.length
  }
}

export function bind(statement: string): Buffer {
  return message('B', `\0${statement}\0`, Buffer.alloc(6))
}

export function describeStatement(statement: string): Buffer {
  return message('D', `S${statement}\0`)
}

export function closeStatement(statement: string): Buffer {
  return message('C', `S${statement}\0`)
}

export function execute(): Buffer {
  return message('E', '\0', Buffer.alloc(4))
}

export function sync(): Buffer {
  return message('S')
}

export function flush(): Buffer {
  return message('H')
}

function terminate(): Buffer {
  return message('X')
}

export function copyData(text: string): Buffer {
  return message('d', text)
}

export function copyDone(): Buffer {
  return message('c')
}

export function copyFail(): Buffer {
  return message('f', 'no\0')
}

export function ready(status = 'I'): Buffer {
  return message('Z', status)
}

export function row(text: string): Buffer {
  return message('D', Buffer.from([0, 1, 0, 0, 0, text.length]), text)
}

export function complete(tag: string): Buffer {
  return message('C', `${tag}\0`)
}

export function parameter(name: string, value: string): Buffer {
  return message('S', `${name}\0${value}\0`)
}

export function error(severity: 'ERROR' | 'FATAL', text: string): Buffer {
  return message('E', `S${severity}\0V${severity}\0C57014\0M${text}\0\0`)
}

export function parsed(): Buffer {
  return message('1')
}

export function bound(): Buffer {
  return message('2')
}

export function closed(): Buffer {
  return message('3')
}

export function copyInResponse(): Buffer {
  return message('G', Buffer.alloc(3))
}

/** The whole answer to a Query that selects one row. */
export function selected(text: string, status = 'I'): Buffer {
  return Buffer.concat([message('T', Buffer.alloc(2)), row(text), complete('SELECT 1'), ready(status)])
}

/** What a client, or a server without a number, is told at the end of a login. */
export function loggedIn(client = 0): Buffer {
  const authenticated = message('R', Buffer.alloc(4))
  const key = message('K', Buffer.alloc(8, client))
  return Buffer.concat([authenticated, parameter('session_authorization', 'user'), key, ready()])
}
