import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { proportionalKb } from '../../../bench/load/memory.ts'
import { RawClient } from '../../support/raw-client.ts'
import * as raw from '../../support/raw-messages.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'

const silent = 2000
const half = 500
const slow = 200
const strangersPerSecond = 200
const measureMs = 5000

export const flood: Row = {
  number: 19,
  name: 'flood before the login',
  injected: `${silent} connects that say nothing, ${half} that stop behind an SSLRequest, ${slow} that send a startup packet byte by byte, ${strangersPerSecond} logins a second of a user nobody knows; 20 clients work`,
  mustHold: 'who is in goes on, p99 at most 3 times what it was; none is lost; a new client gets in',
  emulated: 'a short one; test/floods goes on for longer, and has wrong passwords',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const pooler = await stage.pooler(postgres.port, { settings: { max_client_conn: 5000 } })
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 20, scenarios: [askFacts], pauseMs: 5 })
    await load.start()
    const calmFromMs = performance.now()
    await sleep(measureMs)
    const before = proportionalKb(pooler.pid)
    const openingFromMs = performance.now()
    const sockets = await open(pooler.port)
    const openedMs = performance.now()
    const attack = attackWith(sockets, pooler.port)
    await sleep(measureMs)
    const memory = (proportionalKb(pooler.pid) - before) / 1024
    const startMs = performance.now()
    const isIn = await RawClient.login(pooler.port).then(
      (client) => (client.leave(), true),
      () => false,
    )
    const cameInMs = isIn ? performance.now() - startMs : NaN
    attack.stop()
    for (const socket of sockets) socket.destroy()
    await sleep(500)
    const calm = load.latency(99, calmFromMs, openingFromMs)
    const stormy = load.latency(99, openedMs, startMs)
    await load.stop()
    finding.figure('p99 before', calm, 'ms')
    finding.figure('p99 while thousands connect', load.latency(99, openingFromMs, openedMs), 'ms', 'less')
    finding.figure('p99 during', stormy, 'ms', 'less')
    finding.figure('clients lost', load.failures, '', 'less')
    finding.figure('memory', memory, 'MB more', 'less')
    finding.figure('a new client is in after', cameInMs, 'ms', 'less')
    finding.must(load.failures === 0, `${load.failures} clients were lost`)
    finding.must(stormy <= calm * 3 + 5, 'p99 is more than 3 times what it was')
    finding.must(isIn, 'a new client does not get in')
  },
}

async function open(port: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < silent + half + slow) {
    for (let n = 0; n < 50; n++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      sockets.push(socket)
    }
    await sleep(10)
  }
  for (const socket of sockets.slice(silent, silent + half)) socket.write(raw.sslRequest)
  return sockets
}

function attackWith(sockets: readonly Socket[], port: number): { stop(): void } {
  const startup = raw.startup({ user: 'postgres', database: 'postgres', application_name: 'x'.repeat(200) })
  let at = 0
  const drip = setInterval(() => {
    for (const socket of sockets.slice(silent + half)) socket.write(startup.subarray(at, at + 1))
    at++
  }, 250)
  const strangers = setInterval(() => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(raw.startup({ user: 'nobody knows', database: 'postgres' })),
    )
    socket.on('error', () => undefined).resume()
    setTimeout(() => socket.destroy(), 1000)
  }, 1000 / strangersPerSecond)
  return {
    stop: () => {
      clearInterval(drip)
      clearInterval(strangers)
    },
  }
}
