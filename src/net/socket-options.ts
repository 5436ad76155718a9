/**
 * Options of sockets that the runtime has no names for. What is set on a listening socket holds for every connection that
 * it accepts (Linux copies it), so that accepting costs nothing more.
 */

import { getOption, setBacklog, setOption } from './libc.ts'

/** As PgBouncer has them; absent or 0 is the system's default. */
export interface SocketOptions {
  /** Ask a silent peer whether it is still there; absent: yes. */
  readonly keepAlive?: boolean
  /** After how many unanswered questions the connection is given up. */
  readonly keepAliveCount?: number
  /** After how many seconds of silence the first is asked. */
  readonly keepAliveIdleS?: number
  /** Seconds between two questions. */
  readonly keepAliveIntervalS?: number
  /** How long sent bytes may stay unacknowledged before the connection is given up. */
  readonly userTimeoutMs?: number
  /** Of the kernel's buffers, in either direction. */
  readonly bufferBytes?: number
}

export interface ListenerOptions extends SocketOptions {
  /** How many connections the kernel queues before they are accepted (the runtime always asks for 512). */
  readonly backlog?: number
  /** A TCP connection is accepted when its first bytes are there, which saves a wake-up each. */
  readonly deferAccept?: boolean
}

/** The process at the other end of a unix socket, as the kernel knows it from when the connection was made. */
export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

const socketLevel = 1
const sendBuffer = 7
const receiveBuffer = 8
const keepAlive = 9
const peerCredentials = 17

const tcpLevel = 6
const keepAliveIdle = 4
const keepAliveInterval = 5
const keepAliveCount = 6
const deferAccept = 9
const userTimeout = 18

const defaultBacklog = 512

export function setListenerOptions(fd: number, options: ListenerOptions, isTcp: boolean): void {
  if (isTcp) {
    if (options.deferAccept) setOption(fd, tcpLevel, deferAccept, 1)
    setTcpOptions(fd, options)
  }
  setBufferSize(fd, options)
  setBacklog(fd, options.backlog ?? defaultBacklog)
}

/** What is asked of silent TCP peers, on a socket where something else was: what is the system's is so again. */
export function changeKeepAlive(fd: number, options: SocketOptions, system: KeepAliveTimes): void {
  setOption(fd, socketLevel, keepAlive, (options.keepAlive ?? true) ? 1 : 0)
  setOption(fd, tcpLevel, keepAliveIdle, options.keepAliveIdleS || system.idleS)
  setOption(fd, tcpLevel, keepAliveInterval, options.keepAliveIntervalS || system.intervalS)
  setOption(fd, tcpLevel, keepAliveCount, options.keepAliveCount || system.count)
  setOption(fd, tcpLevel, userTimeout, options.userTimeoutMs ?? 0)
}

/** The system's, on a socket on which nothing was set. */
export interface KeepAliveTimes {
  readonly idleS: number
  readonly intervalS: number
  readonly count: number
}

export function readKeepAlive(fd: number): KeepAliveTimes {
  const read = (option: number): number => getOption(fd, tcpLevel, option)?.[0] ?? 0
  return { idleS: read(keepAliveIdle), intervalS: read(keepAliveInterval), count: read(keepAliveCount) }
}

/** Of one TCP connection. */
export function setSocketOptions(fd: number, options: SocketOptions): void {
  setTcpOptions(fd, options)
  setBufferSize(fd, options)
}

function setTcpOptions(fd: number, options: SocketOptions): void {
  if (options.keepAlive ?? true) {
    setOption(fd, socketLevel, keepAlive, 1)
    setIfAny(fd, keepAliveIdle, options.keepAliveIdleS)
    setIfAny(fd, keepAliveInterval, options.keepAliveIntervalS)
    setIfAny(fd, keepAliveCount, options.keepAliveCount)
  }
  setIfAny(fd, userTimeout, options.userTimeoutMs)
}

function setIfAny(fd: number, option: number, value = 0): void {
  if (value > 0) setOption(fd, tcpLevel, option, value)
}

function setBufferSize(fd: number, { bufferBytes = 0 }: SocketOptions): void {
  if (bufferBytes === 0) return
  setOption(fd, socketLevel, sendBuffer, bufferBytes)
  setOption(fd, socketLevel, receiveBuffer, bufferBytes)
}

/** Undefined where the system doesn't tell. */
export function readPeerCredentials(fd: number): PeerCredentials | undefined {
  const [pid, uid, gid] = getOption(fd, socketLevel, peerCredentials, 3) ?? []
  if (pid === undefined || uid === undefined || gid === undefined || pid === 0) return undefined
  return { pid, uid, gid }
}
