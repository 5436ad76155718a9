import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { framesOf, siteOf, takeCallStack } from './call-site.ts'

const stackOf = (...lines: string[]): { stack: string } => ({ stack: ['Error', ...lines].join('\n') })
const here = process.cwd()

/** Bun has no frame for a function that ends with a call: so this one does not. */
function publicFunction(): { stack: string }[] {
  return [takeCallStack(publicFunction)]
}

describe('takeCallStack', () => {
  it('begins with whoever has called the public function', () => {
    function caller(): { stack: string } {
      const [taken] = publicFunction()
      return { stack: taken?.stack ?? '' }
    }
    const taken = caller()
    assert.match(framesOf(taken).split('\n')[0] ?? '', /^ +at caller \(.*call-site\.test\.ts:\d+:\d+\)$/)
    assert.match(siteOf(taken), /^src\/in-process\/call-site\.test\.ts:\d+$/)
  })
})

describe('siteOf', () => {
  const sites: [what: string, lines: string[], site: string][] = [
    ['a function', [`    at order (${here}/src/orders.ts:42:7)`], 'src/orders.ts:42'],
    ['what has no name', [`    at ${here}/src/orders.ts:42:7`], 'src/orders.ts:42'],
    ['a method', [`    at async Orders.find [as get] (${here}/src/orders.ts:42:7)`], 'src/orders.ts:42'],
    ['a module', [`    at order (file://${here}/src/orders.mjs:42:7)`], 'src/orders.mjs:42'],
    ['a file of another folder', ['    at order (/srv/app/orders.js:42:7)'], '/srv/app/orders.js:42'],
    ['a line without a column', [`    at order (${here}/orders.js:42)`], 'orders.js:42'],
    ['a folder with a blank', ['    at order (/srv/my app/orders.js:42:7)'], '/srv/my app/orders.js:42'],
  ]
  for (const [what, lines, site] of sites) {
    it(`is file and line of ${what}`, () => {
      assert.equal(siteOf(stackOf(...lines)), site)
    })
  }

  it('is the nearest call that is the application’s own', () => {
    const lines = [
      '    at run (node:async_hooks:144:29)',
      '    at new Promise (<anonymous>)',
      `    at connect (${here}/node_modules/orm/index.js:1:1)`,
      `    at order (${here}/src/orders.ts:42:7)`,
      `    at main (${here}/src/main.ts:1:1)`,
    ]
    assert.equal(siteOf(stackOf(...lines)), 'src/orders.ts:42')
  })

  it('is a package’s, where the application has no call of its own', () => {
    const lines = ['    at run (node:timers:1:2)', '    at connect (/srv/node_modules/orm/index.js:1:1)']
    assert.equal(siteOf(stackOf(...lines)), '/srv/node_modules/orm/index.js:1')
  })

  it('is empty where nobody has called', () => {
    assert.deepEqual([siteOf(stackOf()), siteOf({ stack: '' })], ['', ''])
  })
})

describe('framesOf', () => {
  it('is the calls alone, without what an error says', () => {
    const frames = ['    at a (/a.js:1:1)', '    at b (/b.js:1:1)']
    assert.equal(framesOf({ stack: `Error: it says\nmore than a line\n${frames.join('\n')}\n` }), frames.join('\n'))
  })
})
