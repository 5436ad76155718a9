/** Preloaded, it undoes the override: whoever asks for pg-pool gets pg's own. */
const Module = require('node:module')
const pgsOwn = require('pgs-own-pool')

const place = require.resolve('pg-pool')
require.cache[place] = Object.assign(new Module(place), { exports: pgsOwn, loaded: true })
