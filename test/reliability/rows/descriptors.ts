import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCpuTime } from '../../../bench/cpu.ts'
import { RawClient } from '../../support/raw-client.ts'
import { askFacts, Load } from '../load.ts'
import type { Row } from '../row.ts'

const most = 256
const intruders = 600
const exhaustedMs = 4000

export const descriptors: Row = {
  number: 20,
  name: 'file descriptors exhausted',
  injected: `a running pooler may open ${most} files from now on (prlimit), ${intruders} connects that say nothing, for ${exhaustedMs / 1000} s; 10 clients work meanwhile`,
  mustHold: 'no crash, no spinning; who is in goes on; when they are gone, new ones get in',
  limitMs: 60_000,
  async run(stage, finding) {
    const postgres = await stage.postgres()
    const settings = { max_client_conn: 1000 }
    const pooler = await stage.pooler(postgres.port, { settings })
    Bun.spawnSync(['prlimit', `--pid=${pooler.pid}`, `--nofile=${most}:${most}`])
    const canary = await stage.canary(postgres, pooler)
    const load = new Load(canary, pooler, { clients: 10, scenarios: [askFacts], pauseMs: 20 })
    await load.start()
    const cpu = async (ms: number): Promise<number> => {
      const [before, startMs] = [readCpuTime(pooler.pid), performance.now()]
      await sleep(ms)
      const spentMs = (readCpuTime(pooler.pid).totalNs - before.totalNs) / 1e6
      return (100 * spentMs) / (performance.now() - startMs)
    }
    const calm = await cpu(2000)
    const sockets = Array.from({ length: intruders }, () => quiet(pooler.port))
    await sleep(500)
    const exhausted = await cpu(exhaustedMs)
    const console = await pooler.console().catch(() => undefined)
    console?.leave()
    for (const socket of sockets) socket.destroy()
    const goneMs = performance.now()
    const isBack = await comesIn(pooler.port)
    const back = isBack ? performance.now() - goneMs : NaN
    await load.stop()
    finding.figure('CPU before', calm, '%')
    finding.figure('CPU while exhausted', exhausted, '%', 'less')
    finding.figure('clients that were in, failures', load.failures, '', 'less')
    finding.figure('clients that were in, longest wait', load.latency(100), 'ms', 'less')
    finding.figure('console while exhausted', console ? 'lets an administrator in' : 'does not answer')
    finding.figure('gone to the next client served', back, 'ms', 'less')
    finding.must(pooler.isRunning, 'the pooler ended')
    finding.must(exhausted < calm + 40, 'it spins')
    finding.must(load.failures === 0, `${load.failures} attempts of clients that were in failed`)
    finding.must(!Number.isNaN(back), 'nobody gets in afterwards')
  },
}

/** Tries as long as it takes, within bounds. */
async function comesIn(port: number): Promise<boolean> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      const client = await RawClient.login(port)
      client.leave()
      return true
    } catch {
      await sleep(100)
    }
  }
  return false
}

function quiet(port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  return socket
}
