import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { htmlPage } from './page.ts'
import { svgPlot } from './plot.ts'

const bodyOf = (page: string): string => page.slice(page.indexOf('<body>'))

describe('htmlPage', () => {
  it('is one document that allows no script and fetches nothing', () => {
    const page = htmlPage({ title: 'Sizing', sections: [] })
    assert.match(
      page,
      /^<!doctype html>\n<html lang="en"><head>\n<meta charset="utf-8"\/>\n<meta http-equiv="Content-Security-Policy"/,
    )
    assert.ok(page.includes(`content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:"`))
    assert.doesNotMatch(page, /<script|<link|@import|url\(|src=/)
  })

  it('reads backticks in pairs as code and escapes everything', () => {
    const paragraphs = ['`a<b` and `c`', 'one ` alone', '``', '<b>']
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: '`H`', paragraphs }] }))
    assert.deepEqual(body.match(/<(?:h2|p)>.*/g), [
      '<h2><code>H</code></h2>',
      '<p><code>a&lt;b</code> and <code>c</code></p>',
      '<p>one ` alone</p>',
      '<p>``</p>',
      '<p>&lt;b&gt;</p>',
    ])
  })

  it('puts numbers to the right, with separators', () => {
    const table = {
      head: ['name', 'rate'],
      rows: [
        ['a', 12345.6],
        ['b', NaN],
      ],
    }
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: 'H', table }] }))
    assert.deepEqual(body.match(/<t[hd][ >].*?<\/t[hd]>/g), [
      '<th scope="col">name</th>',
      '<th scope="col" class="right">rate</th>',
      '<td>a</td>',
      '<td class="right">12,346</td>',
      '<td>b</td>',
      '<td class="right">–</td>',
    ])
  })

  it('takes a figure as it is, and nothing that is none', () => {
    const svg = svgPlot({ title: 'T', x: { label: 'x' }, y: { label: 'y' }, series: [] })
    assert.ok(
      htmlPage({ title: 'T', sections: [{ heading: 'H', figures: [svg] }] }).includes(`<figure>${svg}</figure>`),
    )
    assert.throws(
      () => htmlPage({ title: 'T', sections: [{ heading: 'H', figures: ['x'] }] }),
      /a figure is not an SVG/,
    )
  })

  it('refuses a row that is shorter than the head', () => {
    const table = { head: ['a', 'b'], rows: [['1']] }
    assert.throws(
      () => htmlPage({ title: 'T', sections: [{ heading: 'H', table }] }),
      /a row of 1 cells in a table of 2 columns/,
    )
  })
})
