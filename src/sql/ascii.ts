/** What is the same in all encodings. */

/** Hot path. No byte from `from` to `to` is part of anything but ASCII. */
export function isAscii(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
  for (let at = from; at < to; at++) if ((bytes[at] as number) >= 0x80) return false
  return true
}

/** The same of a byte string. */
export function isAsciiText(text: string): boolean {
  return !/[\u0080-\u00ff]/.test(text)
}
