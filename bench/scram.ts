/** The secret of the SCRAM row, as auth_file takes it: neither side has to derive keys from a password but the client. */

import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

export const scramPassword = 'bench'

/**
 * Only the client repeats its hash so often: with PostgreSQL's own 4,096 it would be pgbench that is measured. What the
 * poolers do is the same for any number.
 */
const iterations = 1
const salt = Buffer.from('taxirank benchmark')

/** RFC 5802, in PostgreSQL's form: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`. */
export function scramSecret(password: string): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  const serverKey = keyOf('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
