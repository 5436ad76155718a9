/** What canary clients do, and how often. */

import type { Random } from '../../src/random.ts'
import { cancel, cancelSoon } from './cancel.ts'
import type { CanaryClient } from './client.ts'
import { copyFailedInMessage, extendedCopyIn, simpleCopyIn } from './copy.ts'
import { facts } from './exchanges.ts'
import { anything } from './failures.ts'
import { large, slowReader } from './large.ts'
import {
  flushes,
  groups,
  longPipeline,
  pipeline,
  pipelinedTransaction,
  prepared,
  preparedInTransaction,
  skippedRequests,
} from './pipelines.ts'
import { listening } from './listening.ts'
import { pinned } from './pins.ts'
import { resetAll } from './settings.ts'
import { statements, statementsInTransaction, unnamed } from './statements.ts'
import { changeSettings, changeSettingsInSavepoint, changeSettingsInTransaction, transaction } from './transactions.ts'
import {
  vanishBeforeSync,
  vanishInCopy,
  vanishInLargeReply,
  vanishInReply,
  vanishInRequest,
  vanishInSlowRequest,
  vanishInTransaction,
} from './vanish.ts'

export type Scenario = (client: CanaryClient) => Promise<void>

async function single(client: CanaryClient): Promise<void> {
  await client.ask(anything(client))
}

async function reconnect(client: CanaryClient): Promise<void> {
  await client.ask(facts(client))
  client.leave('politely')
}

/** What a client must manage as soon as nothing is being broken. */
export async function recover(client: CanaryClient): Promise<void> {
  await client.ask(facts(client))
  await transaction(client)
}

const orderly: readonly (readonly [weight: number, scenario: Scenario])[] = [
  [400, single],
  [120, pipeline],
  [1, longPipeline],
  [60, groups],
  [50, flushes],
  [20, skippedRequests],
  [160, transaction],
  [50, pipelinedTransaction],
  [30, simpleCopyIn],
  [30, extendedCopyIn],
  [5, copyFailedInMessage],
  [40, changeSettings],
  [20, changeSettingsInTransaction],
  [10, changeSettingsInSavepoint],
  [4, resetAll],
  [60, statements],
  [20, statementsInTransaction],
  [20, unnamed],
  [12, pinned],
  [6, listening],
  [4, prepared],
  [3, preparedInTransaction],
  [3, large],
  [2, slowReader],
  [4, cancel],
  [4, cancelSoon],
  [10, reconnect],
]

const disorderly: readonly (readonly [weight: number, scenario: Scenario])[] = [
  [8, vanishInRequest],
  [3, vanishInSlowRequest],
  [8, vanishInReply],
  [3, vanishInLargeReply],
  [6, vanishInTransaction],
  [4, vanishBeforeSync],
  [6, vanishInCopy],
]

const withVanishing = [...orderly, ...disorderly]

export function pickScenario(random: Random, mayVanish: boolean): Scenario {
  const choices = mayVanish ? withVanishing : orderly
  let drawn = random.integer(
    1,
    choices.reduce((sum, [weight]) => sum + weight, 0),
  )
  for (const [weight, scenario] of choices) {
    drawn -= weight
    if (drawn <= 0) return scenario
  }
  throw new Error('weights do not add up')
}
