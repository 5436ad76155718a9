/** What may stand in the place of which bytes: the table of docs/invariants.md, I10. */
import { backend, frontend, statementName, statementNameStart } from './messages.ts'

const headerBytes = 5
const named: readonly number[] = [frontend.parse, frontend.bind, frontend.describe, frontend.close]
/** What stands for a CloseComplete. */
export const parseComplete = Buffer.from([backend.parseComplete, 0, 0, 0, 4])

/** What stands for an EmptyQueryResponse: the CommandComplete of a DEALLOCATE. */
export const deallocated = Buffer.from('C\0\0\0\x0fDEALLOCATE\0', 'latin1')

/** Of a client: why `bytes` may not stand for `replaced`, the beginning of a message or all of it. */
export function whyNotReplaced(replaced: Buffer, bytes: Buffer): string | undefined {
  if (replaced.length < headerBytes || bytes.length < headerBytes) return 'less than a header'
  const left = leftOf(replaced)
  if (left < 0) return 'more than one message'
  if (leftOf(bytes) !== left) return `a length of ${lengthOf(bytes)} where the rest of the message is ${left} bytes`
  return isRenamed(replaced, bytes) || (left === 0 && isStandIn(replaced, bytes))
    ? undefined
    : 'something else than another name for its statement, or what may stand for the whole'
}

/** The length that a message says it has, its type counted. */
export function lengthOf(message: Buffer): number {
  return 1 + message.readUInt32BE(1)
}

function leftOf(head: Buffer): number {
  return lengthOf(head) - head.length
}

/** The same type, portal or kind, and rest, up to where the two end; only the statement has another name. */
function isRenamed(replaced: Buffer, bytes: Buffer): boolean {
  const type = replaced[0] ?? 0
  if (bytes[0] !== type || !named.includes(type)) return false
  const before = frameOf(type, replaced)
  const after = frameOf(type, bytes)
  return before?.[0] !== undefined && before[0] === after?.[0] && before[1] === after[1]
}

/** What stands in front of the statement's name, and what behind it. */
function frameOf(type: number, head: Buffer): readonly [string, string] | undefined {
  const name = statementName(type, head, headerBytes, head.length)
  if (name === undefined) return undefined
  const start = statementNameStart(type, head, headerBytes, head.length)
  return [head.toString('latin1', headerBytes, start), head.toString('latin1', start + name.length)]
}

/** A whole message for a whole one. */
function isStandIn(replaced: Buffer, bytes: Buffer): boolean {
  const name = statementName(bytes[0] ?? 0, bytes, headerBytes, bytes.length)
  switch (replaced[0]) {
    case frontend.query:
    case frontend.functionCall:
      return bytes[0] === frontend.query
    case frontend.parse: {
      const isNamed = statementName(frontend.parse, replaced, headerBytes, replaced.length) !== ''
      return bytes[0] === frontend.parse ? name === '' : isNamed && bytes[0] === frontend.close && name !== undefined
    }
    default:
      return false
  }
}
