/**
 * How wide a text will be, without a font: SVG doesn't wrap, and nobody knows which sans-serif the reader has. Estimated for a
 * wide one (DejaVu, Verdana), so that what fits here fits everywhere.
 */

const narrow = new Set("iIjlt.,:;'|!()[]{} \u00A0/\\`-")
const wide = new Set('mwMW@%—…')

/** In pixels, like the font size. */
export function textWidth(content: string, fontSize: number): number {
  let ems = 0
  for (const character of content) ems += characterWidth(character)
  return ems * fontSize
}

/** The text, or as much of its beginning as fits, with `…`. */
export function fitText(content: string, fontSize: number, width: number): string {
  if (textWidth(content, fontSize) <= width) return content
  const characters = Array.from(content)
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, fontSize) > width) characters.pop()
  return `${characters.join('').trimEnd()}…`
}

/** Lines of whole words. A word that is longer than a line is cut short. */
export function wrapText(content: string, fontSize: number, width: number): string[] {
  const lines: string[] = []
  for (const word of content.split(/\s+/).filter(Boolean)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && textWidth(longer, fontSize) <= width) lines[lines.length - 1] = longer
    else lines.push(fitText(word, fontSize, width))
  }
  return lines
}

function characterWidth(character: string): number {
  if (narrow.has(character)) return 0.37
  if (wide.has(character)) return 0.98
  const code = character.codePointAt(0) ?? 0
  if (code >= 0x1100) return code >= 0x2000 && code < 0x2c00 ? 0.8 : 1
  return character >= 'A' && character <= 'Z' ? 0.7 : 0.62
}
