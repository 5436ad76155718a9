/**
 * Builds SVG and HTML. Markup is a type of its own, so text that nobody has escaped can't become an element's content: the
 * compiler refuses it. What is built is well-formed XML and reads the same as HTML.
 */

declare const escaped: unique symbol
export type Markup = string & { readonly [escaped]: true }

/** Numbers are coordinates: two decimals. An attribute that is undefined is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** In HTML `<td/>` would open an element and not close it; these are closed by `/>` in both languages. */
const withoutContent = new Set(['circle', 'line', 'meta', 'path', 'rect'])

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters that XML 1.0 forbids even when they are escaped (section 2.2), and two that are no characters. */
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g // oxlint-disable-line no-control-regex

/** Any text as content or as the value of an attribute. What XML can't carry becomes U+FFFD. */
export function text(content: string): Markup {
  const clean = content.toWellFormed().replaceAll(forbidden, '\uFFFD')
  return clean.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '') as Markup
}

export function element(name: string, attributes: Attributes = {}, ...children: readonly Markup[]): Markup {
  const written = Object.entries(attributes).map(([key, value]) => attribute(key, value))
  const head = `<${name}${written.join('')}`
  if (withoutContent.has(name)) return `${head}/>` as Markup
  return `${head}>${children.join('')}</${name}>` as Markup
}

export function join(parts: readonly Markup[], separator: '' | '\n' = ''): Markup {
  return parts.join(separator) as Markup
}

/** A style sheet of ours. It must not contain what ends it, in XML or HTML. */
export function styleSheet(css: string): Markup {
  return `<style>${css}</style>` as Markup
}

/** A coordinate: a hundredth of a pixel is finer than any screen, and the shortest text. */
export function coordinate(value: number): string {
  const rounded = Math.round(value * 100) / 100
  return rounded === 0 ? '0' : String(rounded)
}

function attribute(name: string, value: string | number | undefined): string {
  if (value === undefined) return ''
  return ` ${name}="${typeof value === 'number' ? coordinate(value) : text(value)}"`
}
