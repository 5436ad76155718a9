/** Where a configuration has clients come from. */

import { userInfo } from 'node:os'
import type { GlobalConfig } from '../config/config.ts'
import type { ReadFile } from '../config/read-ini.ts'
import { socketPath } from '../config/socket-path.ts'
import { TaxirankError } from '../errors.ts'
import type { ListenOptions } from '../net/listen.ts'
import type { NetworkSettings } from '../server/network.ts'
import type { SocketOptions } from '../net/socket-options.ts'

/** What clients leave for servers and their cancels, and these for the runtime. */
const reservedDescriptors = 32
const lastDescriptors = 4
/** How long a name server is waited for before the last good answer goes on being used. */
const lookupMs = 5_000

/** TCP first. `descriptorLimit`: connections beyond it, less a reserve, are reset at once. Throws `bad_configuration`. */
export function listenersOf(global: GlobalConfig, descriptorLimit: number, readFile: ReadFile): ListenOptions[] {
  const common = {
    ...socketOptionsOf(global),
    backlog: global.listenBacklog,
    maxDescriptor: descriptorLimit - reservedDescriptors,
  }
  const addresses = new Set(global.listenAddr.map((address) => (address === '*' ? '::' : address)))
  const tcp = Array.from(addresses, (host) => ({
    ...common,
    host,
    port: global.listenPort,
    deferAccept: global.tcpDeferAcceptMs > 0,
  }))
  const { unixSocketDir, unixSocketMode: mode, unixSocketGroup: group } = global
  if (unixSocketDir === undefined) return tcp
  const groupId = group === undefined ? undefined : groupIdOf(group, readFile)
  const unix = socketPath(unixSocketDir, global.listenPort)
  return [...tcp, { ...common, unix, mode, ...(groupId !== undefined && { groupId }) }]
}

/** How connections to servers are made. */
export function networkOf(global: GlobalConfig, descriptorLimit: number): NetworkSettings {
  return {
    dns: { maxTtlMs: global.dnsMaxTtlMs, nxdomainTtlMs: global.dnsNxdomainTtlMs, timeoutMs: lookupMs },
    socketOptions: socketOptionsOf(global),
    maxDescriptor: descriptorLimit - lastDescriptors,
  }
}

/** Of every TCP connection, from either side. */
function socketOptionsOf(global: GlobalConfig): SocketOptions {
  return {
    keepAlive: global.tcpKeepalive,
    keepAliveCount: global.tcpKeepcnt,
    keepAliveIdleS: global.tcpKeepidleMs / 1_000,
    keepAliveIntervalS: global.tcpKeepintvlMs / 1_000,
    userTimeoutMs: global.tcpUserTimeoutMs,
    bufferBytes: global.tcpSocketBufferBytes,
  }
}

function groupIdOf(group: string, readFile: ReadFile): number {
  if (/^\d+$/.test(group)) return Number(group)
  const line = readFile('/etc/group')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${group}:`))
  const id = Number(line?.split(':')[2])
  if (Number.isInteger(id)) return id
  throw new TaxirankError(
    'bad_configuration',
    `unix_socket_group: there is no group "${group}" for ${userInfo().username}`,
  )
}
