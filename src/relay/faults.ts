/** What a relay does to one connection. Nothing named, nothing done. */
export interface Faults {
  readonly fromClient?: StreamFaults
  readonly fromTarget?: StreamFaults
}

/** Faults of one direction. Bytes are counted from where the plan was made: at connect, or at `replan`. */
export interface StreamFaults {
  /** Every chunk, and the end behind them, is held for so long: a way of this length, on which many may be at once. */
  readonly latencyMs?: number
  /** Every chunk is held for a random time up to this. */
  readonly delayMs?: number
  /** Chunks are forwarded in pieces of 1 to this many bytes, one piece a loop turn. */
  readonly splitBytes?: number
  /** Forwarding goes no faster than this. */
  readonly bytesPerSecond?: number
  /** After this many bytes the connection ends with FIN on both sides; the rest is lost. */
  readonly cutAtByte?: number
  /** After this many bytes the connection is reset; the rest is lost. */
  readonly resetAtByte?: number
  /** Who sees the reset; the other side sees FIN. Both unless told. */
  readonly resetSide?: 'both' | 'client' | 'target'
  /** After this many bytes FIN is sent on, and the rest is lost; the other direction goes on. */
  readonly halfCloseAtByte?: number
  /** After this many bytes nothing is forwarded any more, not even the connection's end. */
  readonly blackholeAtByte?: number
  /** The chunk that holds this byte, counted from 0, is forwarded twice. With `splitBytes: 1`, that very byte. */
  readonly duplicateAtByte?: number
  /** The source's FIN is not passed on. */
  readonly holdsEnd?: boolean
}

export const faultKinds = [
  'latency',
  'delay',
  'split',
  'throttle',
  'duplicate',
  'cut',
  'reset',
  'halfClose',
  'blackhole',
  'holdEnd',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** Ends forwarding at a byte. */
export interface Ending {
  readonly kind: 'cut' | 'reset' | 'halfClose' | 'blackhole'
  readonly atByte: number
}

/** The ending that comes first, if one is planned. */
export function firstEnding(faults: StreamFaults): Ending | undefined {
  const endings: Ending[] = [
    { kind: 'cut', atByte: faults.cutAtByte ?? Infinity },
    { kind: 'reset', atByte: faults.resetAtByte ?? Infinity },
    { kind: 'halfClose', atByte: faults.halfCloseAtByte ?? Infinity },
    { kind: 'blackhole', atByte: faults.blackholeAtByte ?? Infinity },
  ]
  const first = endings.reduce((a, b) => (b.atByte < a.atByte ? b : a))
  return first.atByte === Infinity ? undefined : first
}

/** Both ways swallowed from the first byte on: a network that says nothing any more. */
export const deadNetwork: Faults = { fromClient: { blackholeAtByte: 0 }, fromTarget: { blackholeAtByte: 0 } }
