/** Makes a pooler out of its parts, and runs it: its sockets, its clock, its trace. */

import { Client, type ClientEncryption } from '../client/client.ts'
import { Console } from '../console/console.ts'
import type { ProcessControl } from '../console/process-control.ts'
import type { ConsoleUsers } from '../console/role.ts'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'
import { listen, type Listener, type ListenOptions } from '../net/listen.ts'
import { now } from '../net/turn.ts'
import { type DrainMode, Pooler, type PoolerOptions } from '../pooler/pooler.ts'
import { noTrace } from '../pooler/trace.ts'
import { Network, type NetworkSettings } from '../server/network.ts'
import { type JumpCause, RunningClock } from '../time.ts'
import { TraceFile } from '../trace/trace-file.ts'
import type { Stoppable, StopMode } from './signals.ts'
import { version } from './version.ts'

/** Everything a pooler is made of, from whichever command. */
export interface PoolerSetup {
  readonly pooler: PoolerOptions
  /** Where clients come from; one or more. */
  readonly listeners: readonly ListenOptions[]
  readonly clientEncryption: ClientEncryption
  readonly network: NetworkSettings
  /** Asked at each login to the console. */
  readonly consoleUsers: () => ConsoleUsers
  /** What the console can do to the process. */
  readonly control: ProcessControl
  readonly traceFile: string | undefined
}

export interface ServedPooler extends Stoppable {
  /** The TCP port it listens on; 0: on none. */
  readonly port: number
  readonly pooler: Pooler
  /** Takes effect without dropping anybody. Throws `bad_configuration`, and then nothing has changed. */
  reconfigure(pooler: PoolerOptions, network: NetworkSettings): void
  /** False from the moment it begins to stop. */
  readonly isListening: boolean
  /** Resolves when it has been stopped, by whomever. */
  readonly ended: Promise<void>
}

const tickMs = 20
const jumpTexts: Readonly<Record<JumpCause, string>> = {
  stopped: 'the process did not run for a while',
  suspended: 'the wall clock has moved on alone, so the machine was suspended or its clock set',
}

/** A gap of more than this between two ticks is time in which the process did not run. */
const jumpMs = 5_000

/** Starts a pooler. Resolves when it listens; throws `listen_failed`, or `bad_configuration` for its trace file. */
export async function startPooler(setup: PoolerSetup, log: Log): Promise<ServedPooler> {
  const traceFile = setup.traceFile === undefined ? undefined : openTrace(setup.traceFile, log)
  const trace = traceFile ?? noTrace
  const jumped = (ms: number, cause: JumpCause): void => {
    log.warning(`${jumpTexts[cause]}: ${(ms / 1_000).toFixed(1)} s, which count against no deadline`)
    pooler.suspectIdle()
  }
  const clock = new RunningClock({ monotonic: now, wall: Date.now, jumpMs, jumped })
  const { consoleUsers: users, control } = setup
  const door = new Console({ users, process: control, pooler: () => inspected, trace, log })
  const time = (): number => clock.now()
  const network = new Network(setup.network, time, (host, addresses) => {
    log.info(`${host} has other addresses now: ${addresses.join(', ')}`)
    pooler.hostMoved(host, addresses)
  })
  const parts = { log, trace, now: time, console: door, version, network }
  const pooler: Pooler = new Pooler(setup.pooler, parts)
  const inspected = { figures: pooler.figures, verbs: pooler.verbs }
  const listeners = listenOnAll(setup, pooler, trace)
  const ticker = setInterval(() => {
    clock.tick()
    network.advance(time())
    pooler.advance()
    traceFile?.flush()
  }, tickMs)

  const finish = async (mode: DrainMode): Promise<void> => {
    // Unix sockets stay, for the console: nobody else is let in by now.
    for (const listener of listeners) if (listener.port > 0) listener.stop()
    await pooler.drain(mode)
    for (const listener of listeners) listener.stop()
    clearInterval(ticker)
    trace.ended()
    traceFile?.close()
  }
  let finished: Promise<void> | undefined
  const ended = Promise.withResolvers<void>()

  return {
    ended: ended.promise,
    port: listeners.find(({ port }) => port > 0)?.port ?? 0,
    pooler,
    reconfigure(options, settings) {
      pooler.reconfigure(options)
      network.reconfigure(settings)
      for (const listener of listeners) listener.retune(settings.socketOptions)
    },
    get isListening() {
      return finished === undefined
    },
    stop(mode: StopMode) {
      finished ??= finish(mode === 'wait_for_clients' ? 'clients' : 'servers').then(ended.resolve)
      if (mode === 'immediate') pooler.stop()
      return finished
    },
  }
}

function openTrace(path: string, log: Log): TraceFile {
  const lost = (reason: string): void => {
    log.error(`the trace ends here, because ${path} can no longer be written: ${reason}; the pooler goes on without it`)
  }
  try {
    return new TraceFile(path, () => performance.now(), lost)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TaxirankError('bad_configuration', `the trace cannot be written to ${path}: ${reason}`, { cause })
  }
}

function listenOnAll(setup: PoolerSetup, pooler: Pooler, trace: typeof noTrace): Listener[] {
  let lastClientId = 0
  const listeners: Listener[] = []
  try {
    for (const options of setup.listeners) {
      const listener = listen(options, (socket) => {
        const id = ++lastClientId
        const client = new Client(id, socket, trace.clientTraffic(id), setup.clientEncryption)
        client.handler = pooler.clientArrived(client)
        return client
      })
      listeners.push(listener)
    }
  } catch (error) {
    for (const listener of listeners) listener.stop()
    throw error
  }
  return listeners
}
