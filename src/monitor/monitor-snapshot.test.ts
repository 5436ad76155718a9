import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  databaseFigures,
  engineSnapshot,
  type Fake,
  fakeSource,
  histogramOf,
  poolFigures,
} from '../../test/support/monitor-source.ts'
import type { HolderFigures } from '../pooler/figures.ts'
import { takeSnapshot } from './monitor-snapshot.ts'

const surroundings = {
  takenAtMs: 1_795_899_782_584,
  process: {
    startedAtMs: 1_795_899_000_000,
    cpuUserMs: 1_500,
    cpuSystemMs: 500.5,
    residentBytes: 52_428_800,
    openFiles: 77,
    maxOpenFiles: 20_000,
    loopDelayMs: histogramOf(0, 3),
  },
  utilisationOf: () => ({ utilisation: 0.3, utilisationOverMs: 10_000 }),
}

const take = (fake: Partial<Fake> = {}) => takeSnapshot(fakeSource(fake), surroundings)

describe('takeSnapshot', () => {
  it('names no application: sums are over all of them', () => {
    const { figures, ...source } = fakeSource()
    const row = { database: 'shop', user: 'app', mode: 'session', sessionState: 'track', what: 'LISTEN' } as const
    const audit = [
      { ...row, applicationName: 'one', times: 2, firstAtMs: 20, lastAtMs: 30 },
      { ...row, applicationName: 'two', times: 3, firstAtMs: 10, lastAtMs: 25 },
    ]
    const snapshot = takeSnapshot({ ...source, figures: { ...figures, audit: () => audit } }, surroundings)
    assert.deepEqual(snapshot.audit, [{ ...row, times: 5, firstAtMs: 10, lastAtMs: 30 }])
  })

  it('tells which lines of code hold servers, the hundred that have for longest', () => {
    const { figures, ...source } = fakeSource()
    const row: Omit<HolderFigures, 'applicationName'> = {
      database: 'shop',
      user: 'app',
      clientId: 5,
      serverId: 9,
      mode: 'session',
      state: 'idle',
      sinceMs: 10,
      heldMs: 20,
      idleMs: 15,
      pinReasons: [],
      holder: 'src/orders.ts:42',
    }
    const holders = Array.from({ length: 150 }, () => ({ ...row, applicationName: 'one' }))
    const snapshot = takeSnapshot({ ...source, figures: { ...figures, holders: () => holders } }, surroundings)
    assert.deepEqual(
      snapshot.holders,
      Array.from({ length: 100 }, () => row),
    )
  })

  it('is everything that is shown, in the shape that the guide describes', () => {
    const { pools, databases, ...rest } = take()
    assert.deepEqual(rest, {
      version: 1,
      takenAtMs: 1_795_899_782_584,
      program: { name: 'taxirank', version: '0.1.0', runtime: `Bun ${Bun.version}` },
      state: { isReady: true, isPaused: false, isSuspended: false, isDraining: false },
      clients: { connected: 52, loggingIn: 2, waiting: 3, max: 100 },
      servers: 11,
      holders: [],
      pins: [],
      audit: [],
      certificates: [{ name: 'client_tls_cert_file', expiresAtMs: 1_800_000_000_000 }],
      process: surroundings.process,
    })
    assert.deepEqual(pools, [
      {
        database: 'shop',
        user: 'app',
        mode: 'transaction',
        clients: { idle: 40, active: 6, waiting: 3, active_cancel_req: 0, waiting_cancel_req: 1 },
        servers: { login: 1, idle: 3, used: 1, tested: 0, active: 6, active_cancel: 0, being_canceled: 0 },
        longestWaitMs: 12.3,
        pinned: 2,
        maxPinned: 19,
        pinnedMs: 4_500,
        listeners: 3,
        utilisation: 0.3,
        utilisationOverMs: 10_000,
        engine: engineSnapshot(),
      },
    ])
    assert.deepEqual(databases, [
      {
        name: 'shop',
        servers: 11,
        maxServers: 0,
        clients: 50,
        maxClients: 100,
        isPaused: false,
        isDisabled: true,
        total: {
          assignments: 1_000,
          transactions: 990,
          queries: 2_970,
          receivedBytes: 123_456,
          sentBytes: 7_654_321,
          transactionMs: 2_500.5,
          queryMs: 2_000,
          waitMs: 12.3,
          clientParses: 5,
          serverParses: 2,
          binds: 50,
          logins: 60,
        },
      },
    ])
  })

  it('survives JSON', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(take())), take())
  })

  it('counts who waits in all pools', () => {
    const waiting = (count: number) => poolFigures({ clients: { ...poolFigures().clients, waiting: count } })
    assert.equal(take({ pools: [waiting(5), waiting(0), waiting(37)] }).clients.waiting, 42)
  })

  it('has no totals for a database of which nothing has been counted', () => {
    const [shop, other] = take({ databases: [databaseFigures(), databaseFigures({ name: 'other' })] }).databases
    assert.deepEqual([shop && 'total' in shop, other && 'total' in other], [true, false])
  })

  it('says nothing of where databases and clients are', () => {
    assert.doesNotMatch(JSON.stringify(take()), /db\.internal|shop_production|"port"/)
  })
})
