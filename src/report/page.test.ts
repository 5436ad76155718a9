import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { htmlPage } from './page.ts'

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
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: 'H', tables: [table] }] }))
    assert.deepEqual(body.match(/<t[hd][ >].*?<\/t[hd]>/g), [
      '<th scope="col">name</th>',
      '<th scope="col" class="right">rate</th>',
      '<td>a</td>',
      '<td class="right">12,346</td>',
      '<td>b</td>',
      '<td class="right">–</td>',
    ])
  })

  it('draws a figure twice, for wide and for narrow screens, and shows one of them', () => {
    const plot = { kind: 'plot', title: 'T', x: { label: 'x' }, y: { label: 'y' }, series: [] } as const
    const bars = { kind: 'bars', title: 'B', series: [{ name: 'b' }], groups: [] } as const
    const page = htmlPage({ title: 'T', sections: [{ heading: 'H', figures: [plot, bars] }] })
    assert.deepEqual(
      [...page.matchAll(/<div class="(\w+)"><svg [^>]* width="(\d+)"/g)].map(([, name, width]) => [name, width]),
      [
        ['wide', '720'],
        ['narrow', '400'],
        ['wide', '720'],
        ['narrow', '400'],
      ],
    )
    assert.match(page, /\.narrow\{display:none\}\n@media screen and \(max-width:600px\)\{\.wide\{display:none\}/)
  })

  it('lists the sections that have a name, with links to them', () => {
    const sections = [
      { heading: 'One & only', id: 'one', summary: 'It is `1`.' },
      { heading: 'Unnamed' },
      { heading: 'Two', id: 'two' },
    ]
    const page = htmlPage({ title: 'T', sections })
    assert.deepEqual(page.match(/<li>.*<\/li>/g), [
      '<li><a href="#one">One &amp; only</a><span>It is <code>1</code>.</span></li>',
      '<li><a href="#two">Two</a></li>',
    ])
    assert.deepEqual(page.match(/<section[^>]*>/g), ['<section id="one">', '<section>', '<section id="two">'])
  })

  it('has facts, in words with what is said of each', () => {
    const facts = [{ term: 'Question', texts: ['Why?', 'How?'] }]
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: 'H', facts }] }))
    assert.deepEqual(body.match(/<d[td]>.*<\/d[td]>/g), ['<dt>Question</dt>', '<dd>Why?</dd>', '<dd>How?</dd>'])
  })

  it('names a table by its caption, else by the heading', () => {
    const table = { head: ['a'], rows: [['1']] }
    const tables = [{ ...table, caption: 'C' }, table]
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: 'H', tables }] }))
    assert.deepEqual(body.match(/aria-label="\w+"|<p class="caption">.*?<\/p>/g), [
      '<p class="caption">C</p>',
      'aria-label="C"',
      'aria-label="H"',
    ])
  })

  it('keeps details closed until they are opened', () => {
    const details = { caption: 'All', head: ['a'], rows: [['1']] }
    const body = bodyOf(htmlPage({ title: 'T', sections: [{ heading: 'H', details }] }))
    assert.match(body, /<details><summary>All<\/summary><div class="table" role="region" aria-label="All"/)
  })

  it('refuses a row that is shorter than the head', () => {
    const table = { head: ['a', 'b'], rows: [['1']] }
    assert.throws(
      () => htmlPage({ title: 'T', sections: [{ heading: 'H', tables: [table] }] }),
      /a row of 1 cells in a table of 2 columns/,
    )
  })
})
