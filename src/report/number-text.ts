/** Numbers as people read them: `1,234`, `0.05`, `−3`, `2×10¹⁵`. Not by the machine's locale, so that reports can be compared. */

const minus = '\u2212'
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹'
/** Numbers that need more decimals are written as powers of ten. */
const leastPlace = -8

/** The largest n with 10ⁿ ≤ value. Logarithms of powers of ten may be off by a bit. */
export function exponentOf(value: number): number {
  return Math.floor(Math.log10(value) + 1e-12)
}

/**
 * `step` is the difference that must be seen, and gives all numbers of one axis the same decimals. Without it: three
 * significant digits, no zeros at the end, and integers whole. What is no number is a dash.
 */
export function numberText(value: number, step?: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const place = step === undefined ? exponentOf(size) - 2 : exponentOf(step)
  if (size === 0 && (step === undefined || place < leastPlace)) return '0'
  const digits = size >= 1e15 || place < leastPlace ? withExponent(size, place) : plain(size, place)
  const short = step === undefined ? withoutZeros(digits) : digits
  return value < 0 && /[1-9]/.test(short) ? minus + short : short
}

/** `12 ms`, `12%`: the unit on the same line. */
export function quantityText(value: number, unit = ''): string {
  const number = numberText(value)
  if (unit === '' || !Number.isFinite(value)) return number
  return unit === '%' || unit === '×' ? number + unit : `${number}\u00A0${unit}`
}

/** `12.3 ms`, `4.56 s`; what is no number is a dash. */
export function timeText(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  return ms >= 1_000 ? `${numberText(ms / 1_000)} s` : `${numberText(Math.round(ms * 1_000) / 1_000)} ms`
}

export function percentText(share: number): string {
  return Number.isFinite(share) ? `${numberText(100 * share)}%` : '–'
}

const mib = 1024 ** 2
const gib = 1024 ** 3

/** `12.3 MiB`, `4.56 GiB`; what is no number is a dash. */
export function bytesText(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–'
  return bytes >= gib ? `${numberText(bytes / gib)} GiB` : `${numberText(bytes / mib)} MiB`
}

/** `12`, `−3.4 ms`, `5%`, or the dash of what is none: these stand to the right in a table. */
export function isQuantity(cell: string): boolean {
  return /^(?:–|−?\d[\d,.]*(?:×10\S+)?(?:%| [a-zA-Zµ/]+)?)$/.test(cell)
}

function plain(size: number, place: number): string {
  const [whole = '', decimals] = size.toFixed(Math.max(0, -place)).split('.')
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
  return decimals === undefined ? grouped : `${grouped}.${decimals}`
}

function withExponent(size: number, place: number): string {
  const digits = Math.min(15, Math.max(0, exponentOf(size) - place))
  const [factor = '', exponent = ''] = size.toExponential(digits).split('e')
  const power = exponent
    .replace('+', '')
    .replace('-', '⁻')
    .replaceAll(/\d/g, (digit) => superscripts[Number(digit)] ?? '')
  return `${withoutZeros(factor)}×10${power}`
}

function withoutZeros(digits: string): string {
  return /^[^×]*\./.test(digits) ? digits.replace(/\.?0+(?=×|$)/, '') : digits
}
