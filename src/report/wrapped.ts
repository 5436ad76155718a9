/** For a terminal: lines of whole words, each indented and at most `width` characters long unless a word is longer. Each ends with a line break. */
export function wrapped(text: string, width: number, indent: string): string {
  const lines: string[] = []
  for (const word of text.split(' ').filter(Boolean)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(`${indent}${word}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}
