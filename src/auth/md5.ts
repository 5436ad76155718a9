import { createHash } from 'node:crypto'

/** What PostgreSQL stores for an md5 password: `md5` and 32 hexadecimal digits. `user` is a byte string. */
export function md5Secret(password: Buffer, user: string): Buffer {
  return md5(password, Buffer.from(user, 'latin1'))
}

/** The answer to a challenge of 4 bytes, by whoever has what is stored. */
export function md5Answer(secret: Buffer, salt: Buffer): Buffer {
  return md5(secret.subarray('md5'.length), salt)
}

function md5(first: Buffer, second: Buffer): Buffer {
  return Buffer.from(`md5${createHash('md5').update(first).update(second).digest('hex')}`, 'latin1')
}
