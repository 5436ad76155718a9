/**
 * A small part of `npm run session-state`, policy by policy: what leaks and what is kept. To widen it, add rows to `expected`.
 */

import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Processes } from '../bench/processes.ts'
import { isKnown, type Policy, taxirank } from './session-state/contenders.ts'
import { type Ground, prepareGround } from './session-state/ground.ts'
import { allKinds } from './session-state/kinds.ts'
import { sign } from './session-state/report.ts'
import { findCells, playAll } from './session-state/run.ts'
import { situations } from './session-state/situations.ts'
import { temporaryFolder } from './support/postgres.ts'

/** In these situations, by their short names. */
const inSituations = ['own', 'rb', 'multi ✗'] as const

/** By kind, as the report's tables show it: K kept, P pinned, A until another comes, S stays with the server, L lost, R refused, · nothing there; ! leaks. */
const expected: Partial<Record<Policy, Readonly<Record<string, readonly string[]>>>> = {
  allow: {
    'SET TimeZone': ['K', '·', '·'],
    'SET work_mem': ['S **!**', '·', '·'],
    'SET LOCAL work_mem': ['·', '·', '·'],
    'SET app.tenant': ['S **!**', '·', '·'],
    'SET ROLE': ['S **!**', '·', '·'],
    'SET ROLE by a superuser': ['L', '·', '·'],
    'CREATE TEMP TABLE': ['S **!**', '·', '·'],
    'SQL PREPARE': ['L', 'L', 'L'],
    pg_advisory_lock: ['S **!**', 'S **!**', 'S **!**'],
    LISTEN: ['L', '·', '·'],
  },
  track: {
    'SET TimeZone': ['K', '·', '·'],
    'SET work_mem': ['K', '·', '·'],
    'SET app.tenant': ['K', '·', '·'],
    'SET ROLE': ['K', '·', '·'],
    'CREATE TEMP TABLE': ['P', '·', '·'],
    'SQL PREPARE': ['P', 'P', 'P'],
    pg_advisory_lock: ['P', 'P', 'P'],
    LISTEN: ['K', '·', '·'],
  },
  pin: {
    'SET TimeZone': ['K', '·', '·'],
    'SET work_mem': ['P', '·', '·'],
    'SET ROLE': ['P', '·', '·'],
    'CREATE TEMP TABLE': ['P', '·', '·'],
    pg_advisory_lock: ['P', 'P', 'P'],
    LISTEN: ['P', '·', '·'],
  },
  reset: {
    'SET TimeZone': ['K', '·', '·'],
    'SET work_mem': ['A', '·', '·'],
    'SET ROLE': ['A', '·', '·'],
    'CREATE TEMP TABLE': ['A', '·', '·'],
    pg_advisory_lock: ['A', 'A', 'A'],
    LISTEN: ['L', '·', '·'],
  },
  reject: {
    'SET TimeZone': ['K', '·', '·'],
    'SET work_mem': ['R', 'R', 'R'],
    'SET ROLE': ['R', 'R', 'R'],
    'CREATE TEMP TABLE': ['R', 'R', 'R'],
    pg_advisory_lock: ['R', 'R', 'R'],
    LISTEN: ['R', 'R', 'R'],
  },
}

const processes = new Processes()
const dir = temporaryFolder()
let ground: Ground

before(async () => {
  ground = await prepareGround()
})

after(async () => {
  await processes.stopAll()
  await ground.remove()
  rmSync(dir, { recursive: true, force: true })
})

describe('session state', () => {
  for (const [policy, rows] of Object.entries(expected) as [Policy, Readonly<Record<string, readonly string[]>>][]) {
    it(
      `is left behind, kept or lost as session_state = ${policy} says`,
      { skip: !isKnown(policy), timeout: 120_000 },
      async () => {
        const kinds = allKinds.filter(({ name }) => name in rows)
        const cells = await findCells(ground, kinds, ofNames(inSituations))
        const verdicts = await playAll(taxirank(policy), cells, processes, { ground, dir, tell: () => undefined })
        const found = kinds.map(({ name }) => {
          const ofKind = [...verdicts].filter(([{ kind }]) => kind.name === name)
          return [name, ofKind.map(([, verdict]) => sign(verdict))]
        })
        assert.deepEqual(Object.fromEntries(found), rows)
      },
    )
  }
})

function ofNames(names: readonly string[]): typeof situations {
  return situations.filter(({ short }) => names.includes(short))
}
