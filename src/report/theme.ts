/**
 * How plots look, in light and dark. Every plot brings its own paper, so it can be read wherever it is shown, also where the
 * reader's preference is not passed on. Written without CSS variables: converters (librsvg) don't know them.
 */
import { coordinate, type Markup, styleSheet } from './markup.ts'

interface Theme {
  readonly paper: string
  readonly ink: string
  readonly soft: string
  readonly grid: string
  readonly axis: string
  readonly band: string
  readonly colors: readonly string[]
}

/** Okabe and Ito's colours, told apart with every kind of colour blindness; without their yellow, which is lost on white. */
const light: Theme = {
  paper: '#ffffff',
  ink: '#1f2933',
  soft: '#5f6b7a',
  grid: '#e8ecf0',
  axis: '#9aa5b1',
  band: '#eef1f4',
  colors: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#4a5560'],
}

/** The same hues, with the dark ones lifted. */
const dark: Theme = {
  paper: '#12171d',
  ink: '#e6eaee',
  soft: '#a3b0bd',
  grid: '#242c35',
  axis: '#66727f',
  band: '#1e262f',
  colors: ['#3d9fe0', '#f07a2e', '#1fbf92', '#de96bf', '#f0b429', '#9ad3f5', '#c3ccd5'],
}

const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
export const fontSize = { title: 17, subtitle: 13, label: 13, tick: 12 } as const

const shape = `
.tx text{font-family:${fontFamily};font-size:${fontSize.label}px;font-variant-numeric:tabular-nums}
.tx .title{font-size:${fontSize.title}px;font-weight:600}
.tx .tick,.tx .soft{font-size:${fontSize.tick}px}
.tx .end{text-anchor:end}
.tx .middle{text-anchor:middle}
.tx .grid,.tx .axis{stroke-width:1}
.tx .line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.tx .dots{fill:none;stroke:currentColor;stroke-width:5;stroke-linecap:round;stroke-opacity:.75}
.tx .cloud{fill:none;stroke:currentColor}
.tx .key{fill:none;stroke:currentColor;stroke-width:1.5}
.tx .area{fill:currentColor;fill-opacity:.16}
.tx .bar{fill:currentColor}
.tx .mark{stroke-width:1.25;stroke-dasharray:5 4}`

interface Print {
  /** Of lines. */
  readonly dash: string
  /** Of dots. */
  readonly dots: string
  /** Of bars: the same hue, as light or dark as no other. */
  readonly fill: string
}

/** By colour, for paper, which may know black only. A line of no length with square ends is a square. */
const prints: readonly Print[] = [
  { dash: 'none', dots: 'stroke-width:5', fill: '#003a63' },
  { dash: '8 5', dots: 'stroke-linecap:square;stroke-width:5', fill: '#f5b98f' },
  { dash: '1 4', dots: 'stroke-width:9;stroke-opacity:.35', fill: '#0b8a66' },
  { dash: '12 5 1 5', dots: 'stroke-linecap:square;stroke-width:8;stroke-opacity:.35', fill: '#f7e3ef' },
  { dash: '4 4', dots: 'stroke-width:3', fill: '#7a5200' },
  { dash: '12 5 1 5 1 5', dots: 'stroke-linecap:square;stroke-width:3', fill: '#6aa6cc' },
  { dash: '20 5', dots: 'stroke-width:12;stroke-opacity:.2', fill: '#15191e' },
]

/** Everything is inside `.tx`: in a page, a style of one SVG holds for the whole document. */
export const plotStyle: Markup = styleSheet(
  `${shape}${colorsOf(light)}\n@media screen and (prefers-color-scheme:dark){${colorsOf(dark)}\n}\n@media print{${printed()}\n}\n`,
)

/** The class that gives `currentColor`. */
export function colorClass(index: number): string {
  return `c${index % light.colors.length}`
}

/** On a screen lines are dashed once the colours are used up. */
export function dashOf(index: number): string | undefined {
  const round = Math.floor(index / light.colors.length)
  return round === 0 ? undefined : `${coordinate(8 / round)} 5`
}

/** Nothing is told by colour alone. Lines that are dashed anyway stay as they are. */
function printed(): string {
  const rules = prints.map(({ dash, dots, fill }, index) => {
    const color = `.tx .c${index}`
    return `
${color} .line:not([stroke-dasharray]){stroke-dasharray:${dash}}${color} .dots{${dots}}${color} .bar,${color}.bar{fill:${fill}}`
  })
  return `${rules.join('')}
.tx .bar{stroke:${light.ink};stroke-width:.75}`
}

function colorsOf(theme: Theme): string {
  const colors = theme.colors.map((color, index) => `.tx .c${index}{color:${color}}`)
  return `
.tx text{fill:${theme.ink}}
.tx .tick,.tx .soft{fill:${theme.soft}}
.tx .paper{fill:${theme.paper}}
.tx .grid{stroke:${theme.grid}}
.tx .axis{stroke:${theme.axis}}
.tx .mark{stroke:${theme.soft}}
.tx .band{fill:${theme.band}}
${colors.join('')}`
}
