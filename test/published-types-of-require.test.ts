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

const ofSizing = `
import sizing = require('taxirank/sizing')
const figures: sizing.QueueFigures = sizing.mmc({ servers: 10, arrivalsPerSecond: 900, serviceMs: 10 })
export = figures
`

describe('the types of what require gives', () => {
  it('are those of the class, with all else as its properties, which is what it is', () => {
    assert.equal(compile({ 'of-class.cts': ofClass }, 'nodenext'), '')
  })

  it('are those of the arithmetic, at taxirank/sizing', () => {
    assert.equal(compile({ 'of-sizing.cts': ofSizing }, 'nodenext'), '')
  })

  it('are there for node16, too, where no module can be required', () => {
    assert.equal(compile({ 'of-names.cts': ofNames, 'of-sizing.cts': ofSizing }, 'node16'), '')
  })
})
