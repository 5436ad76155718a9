/**
 * Signals, as PgBouncer takes them. TERM waits until all clients have left, INT until all servers are released, QUIT
 * stops at once. A second one of these doesn't wait any longer, a third doesn't even wait for the stop to be done.
 */

import type { Log } from '../log.ts'

/** How a pooler stops: when its servers are free, when its clients are gone, or at once. */
export type StopMode = 'wait_for_servers' | 'wait_for_clients' | 'immediate'

/** What runs and can be stopped. A second stop, `immediate`, overtakes the first. */
export interface Stoppable {
  /** Resolves when everything is closed. */
  stop(mode: StopMode): Promise<void>
}

/** `process`, or a stand-in. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown
}

type Phase = 'running' | 'waiting' | 'stopping'

const waits = {
  SIGINT: { mode: 'wait_for_servers', until: 'all servers to be released' },
  SIGTERM: { mode: 'wait_for_clients', until: 'all clients to disconnect' },
} as const

/**
 * Resolves when a signal has stopped `running`, or a third one won't wait for it; rejects when stopping fails. A second
 * signal within `echoMs` of the first is taken for its echo.
 */
export function stoppedBySignal(signals: SignalSource, running: Stoppable, log: Log, echoMs = 0): Promise<void> {
  return new Promise((resolve, reject) => {
    let phase: Phase = 'running'
    let firstAtMs = 0

    const stop = (mode: StopMode): void => {
      phase = mode === 'immediate' ? 'stopping' : 'waiting'
      running.stop(mode).then(resolve, reject)
    }

    const stopAtOnce = (signal: NodeJS.Signals): void => {
      log.info(
        phase === 'running' ? `got ${signal}, stopping at once` : `got ${signal} while shutting down, stopping at once`,
      )
      if (phase === 'stopping') resolve()
      else stop('immediate')
    }

    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      signals.on(signal, () => {
        if (phase === 'waiting' && performance.now() - firstAtMs < echoMs) return
        if (phase !== 'running') return stopAtOnce(signal)
        firstAtMs = performance.now()
        log.info(`got ${signal}, shutting down, waiting for ${waits[signal].until}`)
        stop(waits[signal].mode)
      })
    }
    signals.on('SIGQUIT', () => stopAtOnce('SIGQUIT'))
  })
}

/** What HUP, USR1 and USR2 ask of a running pooler. */
export interface Operable {
  /** Reads the settings anew, and opens the log anew; throws when it stays as it was. */
  reload(): void
  /** Resolves when nothing is lent any more; rejects when it is given up. */
  pause(): Promise<void>
  /** Throws when nothing is paused. */
  resume(): void
}

/** HUP reloads, USR1 pauses and USR2 resumes; what can't be done is logged. */
export function obeySignals(signals: SignalSource, running: Operable, log: Log): void {
  const tell = (error: unknown): void => log.error(error instanceof Error ? error.message : String(error))
  const obey = (signal: NodeJS.Signals, what: string, act: () => void): void => {
    signals.on(signal, () => {
      log.info(`got ${signal}, ${what}`)
      try {
        act()
      } catch (error) {
        tell(error)
      }
    })
  }
  obey('SIGHUP', 're-reading config', () => running.reload())
  obey('SIGUSR1', 'pausing all activity', () => void running.pause().then(() => log.info('paused'), tell))
  obey('SIGUSR2', 'continuing from pause', () => running.resume())
}
