/** The ways to log in that are compared, and what was found of one. */

import type { SecureVersion } from 'node:tls'
import type { AuthenticationMethod } from '../../embedded-database.ts'
import { type PhaseTimes, phases } from '../../raw-login.ts'

/** A way to log in. */
export interface Kind {
  readonly name: string
  /** Undefined: as the address says and the server's rules want. */
  readonly method: AuthenticationMethod | undefined
  readonly tls: SecureVersion | undefined
}

/** Of one kind over one way: medians of the rounds, and the rounds themselves. */
export interface Hello {
  readonly kind: Kind
  /** Of the way there and back; 0: there is no relay. */
  readonly roundTripMs: number
  readonly rounds: readonly PhaseTimes[]
}

export function firstAnswerMs(times: PhaseTimes): number {
  return phases.reduce((sum, phase) => sum + (phase === 'teardown' ? 0 : times[phase]), 0)
}

/** What a measurement, and its prediction, is called. */
export function firstAnswerOver(kind: Kind, roundTripMs: number): string {
  return `${kind.name} to the first answer over ${roundTripMs} ms`
}

/** To the first answer, by the protocol: TCP, TLS, the login, the query. NaN: the method isn't known. */
export function predictedRoundTrips({ method, tls }: Kind): number {
  const handshake = tls === undefined ? 0 : tls === 'TLSv1.3' ? 2 : 3
  return 1 + handshake + loginRoundTrips(method) + 1
}

function loginRoundTrips(method: Kind['method']): number {
  switch (method) {
    case 'trust':
      return 1
    case 'password':
    case 'md5':
      return 2
    case 'scram-sha-256':
      return 3
    case undefined:
      return Number.NaN
  }
}
