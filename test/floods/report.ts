/** The report of the floods. */

import { maxClients } from './floods.ts'
import type { Measured } from './measure.ts'

export interface Circumstances {
  readonly machine: string
  readonly versions: string
  readonly command: string
  readonly seconds: number
  /** What the search for them found. */
  readonly secrets: string
}

const introduction = `Everything here happens before a login. Ten clients that are logged in ask \`select 1\` every 20 ms, and every 200 ms somebody
logs in rightly, asks, and leaves; both from a process of their own. \`max_client_conn\` is ${maxClients.toLocaleString('en-US')}. The flood, the bystanders, PostgreSQL and the
pooler share the machine's cores, so latency during a flood is also that of a busy machine: see the load average.`

export function renderReport(measured: readonly Measured[], around: Circumstances): string {
  const { machine, versions, command, seconds, secrets } = around
  return [
    '# Floods from those who have not logged in',
    '',
    `* date: ${new Date().toISOString().slice(0, 10)}`,
    `* command: \`${command}\` (${seconds} s a flood)`,
    `* machine: ${machine}`,
    `* versions: ${versions}`,
    '',
    introduction,
    '',
    '| flood | | connections | p99 before, ms | p99 during | lost | good logins | p50, ms | longest | refused | memory MB: before, most, after | most descriptors |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...measured.map(row),
    '',
    ...refusals(measured),
    `Taxirank: ${secrets}.`,
    '',
  ].join('\n')
}

function row({ flood, pooler, connections, before, during, memoryMB, mostDescriptors }: Measured): string {
  const cells = [
    pooler === 'Taxirank' ? flood : '',
    pooler,
    connections.toLocaleString('en-US'),
    before.p99Ms.toFixed(1),
    during.p99Ms.toFixed(1),
    during.lost,
    during.logins,
    during.loginP50Ms.toFixed(0),
    during.longestLoginMs.toFixed(0),
    during.refusedLogins,
    memoryMB.map((mb) => mb.toFixed(0)).join(', '),
    mostDescriptors,
  ]
  return `| ${cells.join(' | ')} |`
}

function refusals(measured: readonly Measured[]): string[] {
  const some = measured.filter(({ during }) => during.refusedLogins > 0)
  if (some.length === 0) return ['No good login was refused.', '']
  const lines = some.map(({ flood, pooler, during }) => `* ${flood}, ${pooler}: ${during.refusal}`)
  return ['Good logins were refused, or took longer than 30 s:', '', ...lines, '']
}
