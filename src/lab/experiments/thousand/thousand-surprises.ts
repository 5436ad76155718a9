/** Where a thousand clients came otherwise than the formulas foretold, or than the articles say. */

import { bytesText, numberText, timeText } from '../../../report/number-text.ts'
import { backendMemoryBytes } from '../../../sizing/fleet.ts'
import { mostHeldMs } from '../../../sizing/littles-law.ts'
import { medianOf } from '../../measurement.ts'
import { latencyOf, memoryOfAll, mostDirect, perSecondOf, type Thousand, wayOf } from './thousand-results.ts'

/** The articles': 1,000 of 5–10 MB. */
const articlesBytes = 5 * 1024 ** 3

export function thousandSurprises(run: Thousand): string[] {
  return [memorySurprise(run), directSurprise(run), busySurprise(run), poolerSurprise(run)].filter(
    (surprise) => surprise !== undefined,
  )
}

function memorySurprise({ results, plan }: Thousand): string | undefined {
  const most = mostDirect(results)
  const each = most.ownBytes / most.backends
  if (Number.isNaN(each) || backendMemoryBytes(1_000, each) >= articlesBytes) return undefined
  return (
    `Otherwise than in the articles, which reckon with 5–10 GB for 1,000 connections: ${numberText(most.backends)} backends that have done nothing but lookups have ${bytesText(most.ownBytes)} of their own, ${bytesText(each)} each` +
    (most.backends >= plan.clients ? '.' : `; 1,000 would have ${bytesText(backendMemoryBytes(1_000, each))}.`)
  )
}

/** As long as there is room, a backend for each is quick. */
function directSurprise({ results }: Thousand): string | undefined {
  const direct = results.find(({ name, connected, wanted }) => name.startsWith('direct') && connected === wanted)
  if (!direct) return undefined
  const pooled = wayOf(results, 'transaction')
  if (!(latencyOf(direct, 99) <= latencyOf(pooled, 99))) return undefined
  const isMemory = memoryOfAll(direct) > memoryOfAll(pooled)
  return (
    `A server with room for all answers ${numberText(direct.connected)} direct clients no later than the pooler does (99th percentile ${timeText(latencyOf(direct, 99))} against ${timeText(latencyOf(pooled, 99))}): ` +
    `as long as few are at work at a time, what so many backends cost is not time` +
    (isMemory ? ` but memory, ${bytesText(memoryOfAll(direct))} against ${bytesText(memoryOfAll(pooled))}.` : '.')
  )
}

/** Of what Little's law foretold; less is within what a busy machine adds. */
const clearly = 1.5

function busySurprise({ rig, results }: Thousand): string | undefined {
  const pooled = wayOf(results, 'transaction')
  const { busy } = pooled
  const predicted = rig.prediction?.figures['servers busy, transaction'] ?? Number.NaN
  if (!(busy > clearly * predicted)) return undefined
  const served = medianOf(perSecondOf(pooled))
  return (
    `${numberText(busy)} servers were busy in transaction mode on average, where Little's law foretold ${numberText(predicted)} by the time of a lookup alone: ` +
    `in company each held its server for about ${timeText(mostHeldMs(busy, served))}.`
  )
}

function poolerSurprise({ results, plan }: Thousand): string | undefined {
  const direct = wayOf(results, 'direct')
  const pooled = wayOf(results, 'transaction')
  if (!(memoryOfAll(pooled) > memoryOfAll(direct))) return undefined
  const ofMore = backendMemoryBytes(plan.clients, direct.ownBytes / direct.backends)
  return (
    `With the pooler, ${bytesText(pooled.poolerBytes)} for all its clients, the memory is more than that of the ${numberText(direct.backends)} direct backends (${bytesText(memoryOfAll(pooled))} against ${bytesText(memoryOfAll(direct))})` +
    (ofMore > memoryOfAll(pooled)
      ? `; ${numberText(plan.clients)} of those would have ${bytesText(ofMore)} of their own.`
      : '.')
  )
}
