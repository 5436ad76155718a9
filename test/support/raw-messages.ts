/**
 * Protocol 3 as the end-to-end tests speak it, written for them alone: builders for what they send, well-formed or not,
 * and one line of text for each message that comes back.
 */

export interface Message {
  readonly type: string
  readonly body: Buffer
}

export const sslRequest = packet(80_877_103)
export const gssRequest = packet(80_877_104)
export const version3 = 3 << 16

// What opens a connection.

/** A packet without a type byte. */
export function packet(code: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([int32(8 + body.length), int32(code), body])
}

export function startup(parameters: Readonly<Record<string, string>>, version = version3): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [text(name), text(value)])
  return packet(version, Buffer.concat([...pairs, Buffer.from([0])]))
}

/** `key` is the body of a BackendKeyData. */
export function cancelRequest(key: Buffer): Buffer {
  return packet(80_877_102, key)
}

// What follows.

export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(4 + body.length), body])
}

/** A header that promises a body of `length` − 4 bytes, and nothing behind it. */
export function header(type: string, length: number): Buffer {
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(length)])
}

export function query(sql: string): Buffer {
  return message('Q', text(sql))
}

export function parse(sql: string, name = ''): Buffer {
  return message('P', text(name), text(sql), int16(0))
}

/** Values in text form; results in text form. */
export function bind(values: readonly (string | null)[] = [], statement = '', portal = ''): Buffer {
  const fields = values.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
  )
  return message('B', text(portal), text(statement), int16(0), int16(values.length), ...fields, int16(0))
}

export function describePortal(name = ''): Buffer {
  return message('D', Buffer.from('P'), text(name))
}

export function describeStatement(name = ''): Buffer {
  return message('D', Buffer.from('S'), text(name))
}

export function execute(maxRows = 0, portal = ''): Buffer {
  return message('E', text(portal), int32(maxRows))
}

export function closeStatement(name: string): Buffer {
  return message('C', Buffer.from('S'), text(name))
}

export function closePortal(name = ''): Buffer {
  return message('C', Buffer.from('P'), text(name))
}

/** Parse, Bind, Execute; no Sync. */
export function statement(sql: string, values: readonly (string | null)[] = []): Buffer {
  return Buffer.concat([parse(sql), bind(values), execute()])
}

/** `int4` arguments and result in text form. */
export function functionCall(oid: number, values: readonly string[]): Buffer {
  const fields = values.map((value) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]))
  return message('F', int32(oid), int16(0), int16(values.length), ...fields, int16(0))
}

export const sync = message('S')
export const flush = message('H')
export const terminate = message('X')
export const copyDone = message('c')

export function copyData(data: string | Buffer): Buffer {
  return message('d', Buffer.from(data as string))
}

export function copyFail(reason: string): Buffer {
  return message('f', text(reason))
}

export function all(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages)
}

// What comes back.

/** One line a message: `D 1|null`, `C SELECT 1`, `Z I`, `E ERROR 42601: syntax error …`, `S TimeZone=UTC`. */
export function say({ type, body }: Message): string {
  switch (type) {
    case 'D':
      return `D ${values(body).map(String).join('|')}`
    case 'T':
      return `T ${columns(body).join(',')}`
    case 'C':
      return `C ${body.toString('utf8', 0, body.length - 1)}`
    case 'Z':
      return `Z ${body.toString('latin1')}`
    case 'd':
      return `d ${body.toString('utf8')}`
    case 'S':
      return `S ${body.toString('utf8', 0, body.length - 1).replace('\0', '=')}`
    case 'E':
    case 'N': {
      const fields = errorFields(body)
      return `${type} ${fields.get('V')} ${fields.get('C')}: ${fields.get('M')}`
    }
    default:
      return body.length === 0 || type === 'K' ? type : `${type} ${body.toString('hex')}`
  }
}

export function values(body: Buffer): (string | null)[] {
  let at = 2
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const length = body.readInt32BE(at)
    at += 4
    if (length < 0) return null
    at += length
    return body.toString('utf8', at - length, at)
  })
}

/** Fields of an ErrorResponse or NoticeResponse by letter. */
function errorFields(body: Buffer): Map<string, string> {
  const fields = body.toString('utf8', 0, body.length - 2).split('\0')
  return new Map(fields.map((field) => [field.charAt(0), field.slice(1)]))
}

export function columns(body: Buffer): string[] {
  let at = 2
  return Array.from({ length: body.readInt16BE(0) }, () => {
    const end = body.indexOf(0, at)
    const name = body.toString('utf8', at, end)
    at = end + 19
    return name
  })
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'utf8')
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
