/** `npm run reloads -- [--reloads N] [--seed N] [--clients N]`: reloads under load. Exit code 0 only without a breach. */

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runReloads } from './reloads.ts'

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(1, 1e9)) },
    clients: { type: 'string', default: '12' },
  },
})
console.log(`seed ${values.seed}`)
const [reloads, seed, clients] = [values.reloads, values.seed, values.clients].map(Number) as [number, number, number]
const result = await runReloads({ reloads, seed, clients })
const [memory, descriptors] = [result.memoryMB, result.descriptors].map((pair) => pair.map(Math.round).join(' to '))
console.log(`${result.good} good and ${result.bad} bad reloads in ${result.seconds.toFixed(1)} s`)
console.log(`the longest took ${Math.round(result.longestReloadMs)} ms; ${result.statements} statements meanwhile`)
console.log(`memory ${memory} MB, descriptors ${descriptors}`)
for (const [mistake, count] of result.mistakes) console.log(`${mistake}: ${count}`)
console.log(result.secrets)
for (const breach of result.breaches) console.log(`BREACH ${breach}`)
console.log(`${reloads} reloads, ${result.breaches.length} breaches, seed ${seed}`)
process.exit(result.breaches.length === 0 ? 0 : 1)
