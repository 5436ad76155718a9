import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { colorClass, plotStyle } from './theme.ts'

const printed = plotStyle.slice(plotStyle.indexOf('@media print{'))
const colors = [...new Set(Array.from({ length: 20 }, (_, index) => colorClass(index)))]
const rulesOf = (pattern: (color: string) => RegExp): string[] =>
  colors.map((color) => pattern(color).exec(printed)?.[1] ?? '')

/** CIE 1976, 0 to 100: what is left of a colour in black and white. */
function lightnessOf(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 116 * Math.cbrt(0.2126 * red + 0.7152 * green + 0.0722 * blue) - 16
}

describe('plots in print', () => {
  it('have a dash for each colour, and dots of their own', () => {
    const dashes = rulesOf((color) => new RegExp(`\\.${color} \\.line[^{]*{([^}]*)}`))
    const dots = rulesOf((color) => new RegExp(`\\.${color} \\.dots{([^}]*)}`))
    assert.deepEqual([new Set(dashes).size, new Set(dots).size], [colors.length, colors.length])
  })

  it('have bars that can be told apart by how light they are', () => {
    const lights = rulesOf((color) => new RegExp(`\\.${color}\\.bar{fill:(#[0-9a-f]{6})}`))
      .map(lightnessOf)
      .toSorted((a, b) => a - b)
    const steps = lights.slice(1).map((light, index) => light - (lights[index] ?? 0))
    assert.ok(
      steps.every((step) => step > 9),
      lights.map((light) => light.toFixed(0)).join(', '),
    )
  })
})
