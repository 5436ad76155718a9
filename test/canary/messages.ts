/**
 * The PostgreSQL protocol 3.0 as the canary speaks it: what it sends, and how it reads what comes back. On purpose it
 * shares nothing with the pooler's own `wire/`.
 */

const empty = Buffer.alloc(0)

function message(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const length = 4 + parts.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.allocUnsafe(5)
  header.write(type, 0, 'latin1')
  header.writeInt32BE(length, 1)
  return Buffer.concat([header, ...parts], length + 1)
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`)

/** A value with its length in front, as Bind and FunctionCall want it. */
function counted(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([int32(bytes.length), bytes])
}

export const query = (text: string): Buffer => message('Q', cstring(text))
export const parse = (name: string, text: string): Buffer => message('P', cstring(name), cstring(text), int16(0))
export const describe = (what: 'S' | 'P', name: string): Buffer => message('D', Buffer.from(what), cstring(name))
export const close = (what: 'S' | 'P', name: string): Buffer => message('C', Buffer.from(what), cstring(name))
export const execute = (portal: string, mostRows = 0): Buffer => message('E', cstring(portal), int32(mostRows))
export const copyData = (text: string): Buffer => message('d', Buffer.from(text))
export const copyFail = (reason: string): Buffer => message('f', cstring(reason))
export const sync = message('S', empty)
export const flush = message('H', empty)
export const copyDone = message('c', empty)
export const terminate = message('X', empty)

/** All parameters and results as text. */
export function bind(portal: string, statement: string, values: readonly string[]): Buffer {
  return message(
    'B',
    cstring(portal),
    cstring(statement),
    int16(0),
    int16(values.length),
    ...values.map(counted),
    int16(0),
  )
}

/** Arguments and result as text. */
export function functionCall(oid: number, values: readonly string[]): Buffer {
  return message('F', int32(oid), int16(0), int16(values.length), ...values.map(counted), int16(0))
}

export function startup(parameters: ReadonlyMap<string, string>): Buffer {
  const pairs = [...parameters].map(([name, value]) => `${name}\0${value}\0`).join('')
  const body = Buffer.concat([int32(3 << 16), cstring(pairs)])
  return Buffer.concat([int32(body.length + 4), body])
}

export function cancelRequest(key: Buffer): Buffer {
  return Buffer.concat([int32(8 + key.length), int32(80877102), key])
}

/** What stands in an ErrorResponse or NoticeResponse. */
export interface ServerMessage {
  readonly severity: string
  readonly sqlState: string
  readonly text: string
  /** PostgreSQL names the routine of its source in every message; a pooler's own has none. */
  readonly routine: string | undefined
}

export function readServerMessage(body: Buffer): ServerMessage {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at)
    if (end < 0) break
    fields.set(String.fromCharCode(body[at] as number), body.toString('utf8', at + 1, end))
    at = end + 1
  }
  return {
    severity: fields.get('V') ?? fields.get('S') ?? '',
    sqlState: fields.get('C') ?? '',
    text: fields.get('M') ?? '',
    routine: fields.get('R'),
  }
}

/** The fields of a DataRow, or a sentence about what is wrong with its lengths. */
export function readRow(body: Buffer): (string | null)[] | string {
  if (body.length < 2) return `a row of ${body.length} bytes`
  const fields: (string | null)[] = []
  const count = body.readUInt16BE(0)
  let at = 2
  for (let i = 0; i < count; i++) {
    if (at + 4 > body.length) return `a row that ends before its field ${i + 1} of ${count}`
    const length = body.readInt32BE(at)
    at += 4
    if (length > body.length - at) return `a field of ${length} bytes where ${body.length - at} are left`
    fields.push(length < 0 ? null : body.toString('utf8', at, at + Math.max(length, 0)))
    at += Math.max(length, 0)
  }
  return at === body.length ? fields : `${body.length - at} surplus bytes in a row`
}
