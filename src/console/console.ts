/**
 * The `pgbouncer` database: one command a simple query. Commands are one file each; this one reads the text, finds the
 * command and writes the answer.
 */

import { randomBytes } from 'node:crypto'
import type { CancelPacket, Client, ClientHandler, Startup } from '../client/client.ts'
import { TaxirankError } from '../errors.ts'
import type { ConsoleDoor, Pooler } from '../pooler/pooler.ts'
import type { Trace, Traffic } from '../pooler/trace.ts'
import * as build from '../wire/build.ts'
import { Framer } from '../wire/framer.ts'
import { consoleRules, Frontend, TransactionStatus } from '../wire/messages.ts'
import { readQuery } from '../wire/read.ts'
import type { Result } from './result.ts'
import { showPools } from './show-pools.ts'
import { showVersion } from './show-version.ts'

export interface ConsoleOptions {
  /** Users who may look. */
  readonly users: ReadonlySet<string>
  /** What SHOW VERSION says. */
  readonly version: string
  readonly trace: Trace
  /** The pooler is made with its console: asked for when a command needs it. */
  readonly pooler: () => Pooler
}

const usedUpByConsole = 5

/** What drivers want to know of any server. */
const reported = [
  ['server_version', ''],
  ['client_encoding', 'UTF8'],
  ['server_encoding', 'UTF8'],
  ['DateStyle', 'ISO'],
  ['TimeZone', 'GMT'],
  ['standard_conforming_strings', 'on'],
  ['is_superuser', 'on'],
] as const

export class Console implements ConsoleDoor {
  readonly database = 'pgbouncer'
  readonly #options: ConsoleOptions
  readonly #sessions = new Set<ConsoleSession>()
  readonly #commands: Readonly<Record<string, () => Result>>

  constructor(options: ConsoleOptions) {
    this.#options = options
    this.#commands = {
      'show pools': () => showPools(options.pooler(), this.#sessions.size),
      'show version': () => showVersion(options.version),
    }
  }

  get clients(): number {
    return this.#sessions.size
  }

  end(error: TaxirankError): void {
    for (const session of this.#sessions) session.end(error)
  }

  open(client: Client, user: string): ClientHandler {
    if (!this.#options.users.has(user)) throw new TaxirankError('authentication_failed', 'not allowed: console access')
    const { trace } = this.#options
    const session = new ConsoleSession(
      client,
      trace.clientTraffic(client.id),
      (text) => this.#run(text),
      (isReset) => {
        this.#sessions.delete(session)
        trace.clientClosed(client.id, isReset)
      },
    )
    this.#sessions.add(session)
    const version = `${this.#options.version.replace(/^PgBouncer (\S+).*/, '$1')}/bouncer`
    const report = reported.map(([name, value]) => build.parameterStatus(name, value || version))
    queueMicrotask(() => client.welcome(build.loginEnd(Buffer.concat(report)), uselessKey()))
    return session
  }

  /** Undefined for an empty query. Throws `console_refused`. */
  #run(text: string): Result | undefined {
    const words = text.replace(/;\s*$/, '').trim().split(/\s+/).join(' ').toLowerCase()
    if (words === '') return undefined
    const command = this.#commands[words.replace(/^select /, 'show ')]
    if (command) return command()
    const known = Object.keys(this.#commands).map((name) => name.toUpperCase())
    throw new TaxirankError('console_refused', `unknown command "${words}"; there are: ${known.join(', ')}`)
  }
}

/** There is nothing to cancel on the console; no two clients have the same key all the same. */
function uselessKey(): { processId: number; secret: Buffer } {
  const random = randomBytes(8)
  return { processId: random.readUInt32BE(0) & 0x7fff_ffff, secret: random.subarray(4) }
}

class ConsoleSession implements ClientHandler {
  readonly #client: Client
  readonly #traffic: Traffic
  readonly #run: (text: string) => Result | undefined
  readonly #closed: (isReset: boolean) => void
  readonly #framer = new Framer(consoleRules)

  constructor(
    client: Client,
    traffic: Traffic,
    run: (text: string) => Result | undefined,
    closed: (isReset: boolean) => void,
  ) {
    this.#client = client
    this.#traffic = traffic
    this.#run = run
    this.#closed = closed
  }

  end(error: TaxirankError): void {
    this.#client.fail(error)
  }

  received(bytes: Buffer): void {
    const framer = this.#framer
    try {
      framer.push(bytes)
      while (framer.next()) {
        this.#traffic.usedUp(framer.end - framer.start, usedUpByConsole)
        if (framer.type === Frontend.terminate) return this.#client.end()
        this.#answer(readQuery(framer))
      }
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      this.#client.fail(error)
    }
  }

  #answer(text: string): void {
    const messages: Buffer[] = []
    try {
      const result = this.#run(text)
      if (result) {
        messages.push(build.rowDescription(result.columns), ...result.rows.map(build.dataRow))
        messages.push(build.commandComplete(result.tag))
      } else {
        messages.push(build.emptyQueryResponse)
      }
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      messages.push(build.errorResponse(error))
    }
    messages.push(build.readyForQuery(TransactionStatus.idle))
    this.#client.write(Buffer.concat(messages), 0)
  }

  loginRequested(_startup: Startup): void {
    throw new Error('taxirank bug: a client logs in once')
  }

  cancelRequested(_packet: CancelPacket): void {
    throw new Error('taxirank bug: a cancel connection does not log in')
  }

  /** Whoever doesn't read a console's short answers is not listening. */
  blocked(): void {
    this.#client.reset()
  }

  drained(): void {}

  closed(cause: Error | undefined): void {
    this.#closed(cause !== undefined)
  }

  crashed(): void {}
}
