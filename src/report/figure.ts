/** A plot or bars as data, and drawn. */

import { type Bars, svgBars } from './bars.ts'
import { type Plot, svgPlot } from './plot.ts'

export type Figure = ({ readonly kind: 'plot' } & Plot) | ({ readonly kind: 'bars' } & Bars)

/** As SVG, `width` pixels wide. Throws as `svgPlot` and `svgBars` do. */
export function drawFigure(figure: Figure, width: number): string {
  return figure.kind === 'plot' ? svgPlot({ ...figure, width }) : svgBars({ ...figure, width })
}
