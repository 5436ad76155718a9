/**
 * A pooler that does what a configuration says, and goes on doing so when that changes: reload, and the console's SET. A
 * change is made of everything that the new settings and files say, or of nothing.
 */

import { type Changes, changesBetween, withSetting } from '../config/changes.ts'
import type { Config } from '../config/config.ts'
import { parseConfig } from '../config/parse-config.ts'
import type { ReadFile } from '../config/read-ini.ts'
import { listen } from '../net/listen.ts'
import { nobody } from '../net/socket.ts'
import { settingRows } from '../config/setting-rows.ts'
import type { MemoryFigures, ProcessControl, SettingFigures } from '../console/process-control.ts'
import type { ConsoleUsers } from '../console/role.ts'
import type { Log, LogLevel } from '../log.ts'
import { serveMonitor, type ServedMonitor } from '../monitor/serve-monitor.ts'
import { bytesOf } from '../pooler/names.ts'
import { checkDescriptors, descriptorLimit, descriptorNeed } from './limits.ts'
import { listenersOf, networkOf } from './listeners.ts'
import { poolerOptions } from './pooler-options.ts'
import { startPooler, type ServedPooler } from './serve-pooler.ts'
import type { Operable, Stoppable, StopMode } from './signals.ts'
import { version, versionLine } from './version.ts'
import { readTlsSetups, type TlsSetups } from './tls-setups.ts'

const localhost = '127.0.0.1'
const dayMs = 86_400_000
const warningDays = 14
const usualHttpPort = 6433

export interface ServeOptions {
  readonly log: Log
  readonly readFile: ReadFile
  /** How often -v was given: on top of `verbose`. */
  readonly verbose?: number
  /** With trust any user may log in, known or not; absent: no. */
  readonly isOpenToAll?: boolean
  /** Called at each reload that succeeds. */
  readonly reopenLog?: () => void
}

/** Starts a pooler as the configuration says. Resolves when it listens. Throws `bad_configuration` or `listen_failed`. */
export async function serveConfig(config: Config, options: ServeOptions): Promise<ServedConfig> {
  const tls = readTlsSetups(config.global, options.readFile)
  const served = new ServedConfig(config, tls, options)
  await served.start()
  return served
}

export class ServedConfig implements Stoppable, Operable, ProcessControl {
  readonly version = versionLine
  readonly #options: ServeOptions
  #config: Config
  #tls: TlsSetups
  #served: ServedPooler | undefined
  #monitor: ServedMonitor | undefined

  constructor(config: Config, tls: TlsSetups, options: ServeOptions) {
    this.#config = config
    this.#tls = tls
    this.#options = options
  }

  async start(): Promise<void> {
    const { global } = this.#config
    const { log, readFile } = this.#options
    this.#configureLog()
    this.#served = await startPooler(
      {
        pooler: poolerOptions(this.#config, this.#tls, this.#options.isOpenToAll ?? false),
        listeners: listenersOf(global, descriptorLimit(readFile), readFile),
        clientEncryption: () => this.#tls.accepting,
        network: networkOf(global, descriptorLimit(readFile)),
        consoleUsers: () => consoleUsersOf(this.#config),
        control: this,
        traceFile: global.traceFile,
      },
      log,
    )
    this.#warnOfCertificates()
    this.#monitor = await this.#startMonitor(this.#served)
  }

  async #startMonitor(served: ServedPooler): Promise<ServedMonitor | undefined> {
    const { httpAddr, httpPort } = this.#config.global
    if (httpAddr === undefined && httpPort === undefined) return undefined
    const { log } = this.#options
    const source = {
      figures: served.pooler.figures,
      version,
      isListening: () => served.isListening,
      maxClients: () => this.#config.global.maxClientConn,
      certificates: () => this.#certificates(),
    }
    const [host, port] = [httpAddr ?? localhost, httpPort ?? usualHttpPort]
    try {
      // The runtime's own server would share the port with another process of ours.
      listen({ host: host === '*' ? '::' : host, port }, () => nobody).stop()
      const monitor = serveMonitor({ address: host, port, source, log })
      void served.ended.then(() => monitor.stop())
      return monitor
    } catch (error) {
      await served.stop('immediate')
      throw error
    }
  }

  /** Of our own certificates, when they end. */
  #certificates(): { name: string; expiresAtMs: number }[] {
    const { accepting, connecting } = this.#tls
    const ends = {
      client_tls: accepting?.expires,
      server_tls: 'expires' in connecting ? connecting.expires : undefined,
    }
    return Object.entries(ends).flatMap(([name, date]) => (date ? [{ name, expiresAtMs: date.getTime() }] : []))
  }

  /** An expired certificate is used all the same: whoever checks it will refuse us, and whoever doesn't won't. */
  #warnOfCertificates(): void {
    for (const { name, expiresAtMs } of this.#certificates()) {
      const days = Math.floor((expiresAtMs - Date.now()) / dayMs)
      const { log } = this.#options
      if (days < 0) log.warning(`the certificate of ${name}_cert_file has expired`)
      else if (days < warningDays) log.warning(`the certificate of ${name}_cert_file expires in ${days} days`)
    }
  }

  /** Where a browser on this machine finds the page; undefined: there is none. */
  get monitorUrl(): string | undefined {
    return this.#monitor?.url
  }

  get config(): Config {
    return this.#config
  }

  get port(): number {
    return this.#running.port
  }

  get #running(): ServedPooler {
    if (!this.#served) throw new Error('taxirank bug: the pooler has not been started')
    return this.#served
  }

  /** Resolves when it has been stopped, by whomever. */
  get ended(): Promise<void> {
    return this.#running.ended
  }

  /** From the console. */
  shutdown(mode: StopMode): void {
    void this.stop(mode)
  }

  settings(): SettingFigures[] {
    return settingRows(this.#config).map(({ key: name, value, default: usual, changeable }) => {
      return { name, value, default: usual, isChangeable: changeable === 'yes' }
    })
  }

  memory(): MemoryFigures[] {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage()
    return [
      { name: 'resident', itemBytes: 1, used: rss, free: 0 },
      { name: 'heap', itemBytes: 1, used: heapUsed, free: Math.max(0, heapTotal - heapUsed) },
      { name: 'external', itemBytes: 1, used: external, free: 0 },
    ]
  }

  stop(mode: StopMode): Promise<void> {
    return this.#running.stop(mode)
  }

  pause(): Promise<void> {
    return this.#running.pooler.verbs.pause()
  }

  resume(): void {
    this.#running.pooler.verbs.resume()
  }

  /** Reads the file anew. Throws `bad_configuration`, and then everything goes on as it was. */
  reload(): void {
    const { readFile, reopenLog } = this.#options
    const file = this.#config.global.conffile ?? this.#config.file
    const changes = changesBetween(this.#config, parseConfig(file, readFile))
    this.#adopt(changes.config)
    reopenLog?.()
    this.#warnOfCertificates()
    this.#tell(changes)
  }

  /** Changes one setting, until the next reload. Throws `bad_configuration`, and then nothing has changed. */
  set(name: string, text: string): void {
    this.#adopt(withSetting(this.#config, name, text))
  }

  #adopt(config: Config): void {
    const { readFile, isOpenToAll = false } = this.#options
    const limit = descriptorLimit(readFile)
    checkDescriptors(descriptorNeed(config), limit)
    const tls = readTlsSetups(config.global, readFile)
    this.#running.reconfigure(poolerOptions(config, tls, isOpenToAll), networkOf(config.global, limit))
    this.#config = config
    this.#tls = tls
    this.#configureLog()
  }

  #configureLog(): void {
    const { log, verbose = 0 } = this.#options
    log.configure(thresholdOf(verbose + this.#config.global.verbose), this.#config.global.logFormat)
  }

  #tell(changes: Changes): void {
    const { log } = this.#options
    for (const { name, old, next, needsRestart } of changes.settings) {
      if (needsRestart) log.warning(`${name} is still ${shown(old)}: changing it to ${shown(next)} needs a restart`)
      else log.info(`${name} was changed from ${shown(old)} to ${shown(next)}`)
    }
    const { databases, users, userlist } = changes
    for (const [what, { added, removed, changed }] of [
      ['database', databases],
      ['user', users],
      ['auth_file: user', userlist],
    ] as const) {
      for (const name of added) log.info(`${what} "${name}" was added`)
      for (const name of removed) log.info(`${what} "${name}" was removed`)
      for (const [name, options] of changed) log.info(`${what} "${name}": ${options.join(', ')} changed`)
    }
    for (const name of databases.reconnect) log.info(`database "${name}": its servers are opened anew`)
    log.info('config was re-read')
  }
}

function consoleUsersOf({ global }: Config): ConsoleUsers {
  return { admins: new Set(global.adminUsers.map(bytesOf)), stats: new Set(global.statsUsers.map(bytesOf)) }
}

function shown(text: string): string {
  return text === '' ? 'nothing' : text
}

function thresholdOf(verbose: number): LogLevel {
  return verbose > 0 ? 'debug' : 'info'
}
