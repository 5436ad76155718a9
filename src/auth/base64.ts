const alphabet = /^[A-Za-z0-9+/]*={0,2}$/

/** The bytes of text that is base64 exactly as it would be written: padded, no blanks, no bits left over. Else undefined. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!alphabet.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
