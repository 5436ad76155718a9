/** Risks of access: who gets in unproven, what goes in the clear, which secrets others can read. */

import { databaseEntries } from '../config/config.ts'
import type { Config } from '../config/config.ts'
import { databaseSettings, forcedSecret } from '../config/precedence.ts'
import type { CheckedSystem, Finding, Level } from './check-finding.ts'
import { databaseFindings, settingPlace } from './check-finding.ts'

const readableByOthers = 0o004

export function accessRisks(config: Config, system: CheckedSystem): Finding[] {
  return [
    ...clientRisks(config),
    ...serverRisks(config),
    ...forcedRisks(config),
    ...secretRisks(config),
    ...fileRisks(config, system),
  ]
}

function clientRisks(config: Config): Finding[] {
  const { global } = config
  const findings: Finding[] = []
  const remote = global.listenAddr.filter((address) => !isLoopback(address)).join(', ')
  if (remote !== '' && (global.authType === 'trust' || global.authType === 'any')) {
    findings.push(at(config, 'auth_type', `${global.authType} on ${remote}: whoever reaches the port is let in`))
  }
  if (remote !== '' && global.clientTlsSslmode === 'disable') {
    findings.push(at(config, 'client_tls_sslmode', `disable on ${remote}: what clients send goes in the clear`))
  }
  if (global.clientTlsSslmode === 'allow' || global.clientTlsSslmode === 'prefer') {
    findings.push(at(config, 'client_tls_sslmode', `${global.clientTlsSslmode} lets clients go without TLS`))
  }
  if (global.authType === 'plain' && !isTlsSure(global.clientTlsSslmode)) {
    findings.push(at(config, 'auth_type', 'plain without client_tls_sslmode = require: passwords go in the clear'))
  }
  return [...findings, ...loginRisks(config)]
}

function loginRisks(config: Config): Finding[] {
  const { authType, adminUsers } = config.global
  const users = config.userlist
  const looksUp = [...databaseEntries(config).values()].some((database) => databaseSettings(config, database).authUser)
  if (authType === 'any' || looksUp || config.global.authUser !== undefined) return []
  if (users === undefined) {
    return authType === 'trust' ? [] : [at(config, 'auth_file', 'not set, nor is auth_user: nobody can log in')]
  }
  const findings = adminUsers
    .filter((name) => !users.has(name) && !config.users.has(name))
    .map((name) => at(config, 'admin_users', `"${name}" is not in auth_file and cannot log in`))
  if (authType !== 'scram-sha-256') return findings
  const old = [...users].filter(([, { kind }]) => kind === 'md5').map(([name]) => name)
  return old.length === 0 ? findings : [...findings, at(config, 'auth_type', `${some(old)} cannot log in: md5 secrets`)]
}

function serverRisks(config: Config): Finding[] {
  const mode = config.global.serverTlsSslmode
  if (mode.startsWith('verify')) return []
  const remote = Array.from(databaseEntries(config)).filter(([, database]) =>
    databaseSettings(config, database).hosts.some((host) => host.kind === 'tcp' && !isLoopback(host.host)),
  )
  if (remote.length === 0) return []
  const what = isTlsSure(mode) ? 'does not check who answers' : 'may go in the clear, and does not check who answers'
  return [
    at(config, 'server_tls_sslmode', `${mode} ${what}, at the remote hosts of ${some(remote.map(([name]) => name))}`),
  ]
}

/** Whom a database forces must be let in by what the files say: what clients prove is never used for it. */
function forcedRisks(config: Config): Finding[] {
  return databaseFindings(config, (database) => {
    if (database.user === undefined || forcedSecret(config, database) !== undefined) return undefined
    return `user: "${database.user}" has no password, here or in auth_file: PostgreSQL must let it in without one`
  })
}

function secretRisks(config: Config): Finding[] {
  const plain = [...(config.userlist ?? [])].filter(([, { kind }]) => kind === 'plain')
  const findings = databaseFindings(config, ({ password }) =>
    password === undefined ? undefined : 'password: a plain password stands in this file',
  )
  if (plain.length === 0) return findings
  const names = some(plain.map(([name]) => name))
  return [...findings, at(config, 'auth_file', `${names} ${plain.length === 1 ? 'has' : 'have'} a plain secret there`)]
}

/** Files that are missing, and those with secrets that any user of the system can read. */
function fileRisks(config: Config, system: CheckedSystem): Finding[] {
  const { global } = config
  const files: Readonly<Record<string, string | undefined>> = {
    auth_file: global.authFile,
    client_tls_key_file: global.clientTlsKeyFile,
    client_tls_cert_file: global.clientTlsCertFile,
    client_tls_ca_file: global.clientTlsCaFile,
    server_tls_key_file: global.serverTlsKeyFile,
    server_tls_cert_file: global.serverTlsCertFile,
    server_tls_ca_file: global.serverTlsCaFile,
  }
  const findings = Object.entries(files).flatMap(([name, path]): Finding[] => {
    if (path === undefined) return []
    const mode = system.modeOf(path)
    if (mode === undefined) return [at(config, name, `there is no file ${path}`, 'error')]
    const isSecret = name.endsWith('key_file') || name === 'auth_file'
    return isSecret && (mode & readableByOthers) !== 0 ? [at(config, name, `${path} ${openTo(mode)}`)] : []
  })
  return [...findings, ...openIniFiles(config, system)]
}

function openIniFiles(config: Config, system: CheckedSystem): Finding[] {
  const withSecrets = Array.from(databaseEntries(config)).flatMap(([name, { password }]) => {
    const place = config.origins.databases.get(name)
    return password === undefined || place === undefined ? [] : [place.file]
  })
  return [...new Set(withSecrets)].flatMap((file): Finding[] => {
    const mode = system.modeOf(file) ?? 0
    if ((mode & readableByOthers) === 0) return []
    return [{ file, line: undefined, level: 'warning', text: `has passwords, and ${openTo(mode)}` }]
  })
}

function openTo(mode: number): string {
  return `can be read by every user of the system (mode 0${(mode & 0o777).toString(8)}): chmod o-r`
}

function at(config: Config, name: string, text: string, level: Level = 'warning'): Finding {
  return { ...settingPlace(config, name), level, text: `${name}: ${text}` }
}

function isTlsSure(mode: string): boolean {
  return mode === 'require' || mode.startsWith('verify')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
}

/** A few names are enough to know what is meant. */
function some(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`)
  const rest = names.length - shown.length
  return rest === 0 ? shown.join(', ') : `${shown.join(', ')} and ${rest} more`
}
