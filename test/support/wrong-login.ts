/** A login that proves nothing, byte by byte: whatever is asked, the answer is well-formed and wrong. */

import { randomBytes } from 'node:crypto'
import type { RawClient } from './raw-client.ts'
import * as raw from './raw-messages.ts'

const [cleartext, md5, sasl, saslContinue] = [3, 5, 10, 11]

/**
 * Answers what is asked until the login is over. Resolves with the last message, one line; `sent` is told of each answer: the
 * password, the md5 answer, the SCRAM proof in base64.
 */
export async function answerWrongly(
  client: RawClient,
  password: string,
  sent: (answer: string) => void = () => undefined,
): Promise<string> {
  for (;;) {
    const got = (await client.until('R', 'E', 'Z')).at(-1) as raw.Message
    if (got.type !== 'R') return raw.say(got)
    const kind = got.body.readUInt32BE(0)
    if (kind === cleartext) client.send(passwordMessage(password, sent))
    if (kind === md5) client.send(passwordMessage(`md5${randomBytes(16).toString('hex')}`, sent))
    if (kind === sasl) client.send(clientFirst())
    if (kind === saslContinue) client.send(clientFinal(got.body.toString('latin1', 4), sent))
  }
}

function passwordMessage(text: string, sent: (answer: string) => void): Buffer {
  sent(text)
  return raw.message('p', Buffer.from(`${text}\0`))
}

function clientFirst(): Buffer {
  const data = Buffer.from(`n,,n=,r=${randomBytes(18).toString('base64')}`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return raw.message('p', Buffer.from('SCRAM-SHA-256\0'), length, data)
}

function clientFinal(serverFirst: string, sent: (answer: string) => void): Buffer {
  const nonce = /^r=([^,]*)/.exec(serverFirst)?.[1] ?? ''
  const proof = randomBytes(32).toString('base64')
  sent(proof)
  return raw.message('p', Buffer.from(`c=biws,r=${nonce},p=${proof}`))
}
