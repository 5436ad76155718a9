import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compile } from './support/compile.ts'

const ofClass = `
import Pool = require('taxirank')
import pg = require('pg')
class Traced extends Pool {}
const pools: pg.Pool[] = [new Pool({ max: 1 }), new Pool.Pool(), new Traced()]
export = { pools, things: Pool.createPool({ open: () => 1 }) }
`

const ofNames = `
import taxirank = require('taxirank')
export = new taxirank.Pool({ max: 1 })
`

describe('the types of what require gives', () => {
  it('are those of the class, with all else as its properties, which is what it is', () => {
    assert.equal(compile({ 'of-class.cts': ofClass }, 'nodenext'), '')
  })

  it('are there for node16, too, where no module can be required', () => {
    assert.equal(compile({ 'of-names.cts': ofNames }, 'node16'), '')
  })
})
