/** What a console needs around it, made by hand: a client without a socket, a pooler with figures as wanted, a process. */

import { Console, type ConsoleClient } from '../../src/console/console.ts'
import type { ProcessControl } from '../../src/console/process-control.ts'
import type { ConsoleVisitor } from '../../src/pooler/pooler.ts'
import { TaxirankError } from '../../src/errors.ts'
import { Log } from '../../src/log.ts'
import type { PoolerFigures, PoolerVerbs } from '../../src/pooler/figures.ts'
import { noTrace } from '../../src/pooler/trace.ts'
import * as build from '../../src/wire/build.ts'
import { type Message, say } from './raw-messages.ts'

export { Random } from '../../src/random.ts'

export const wallClockMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

/** Collects what is written to it; `isBlocked` is set by hand. */
export class FakeClient implements ConsoleClient {
  readonly id: number
  readonly way = { address: '10.0.0.1', port: 40_000, localAddress: '', localPort: 0, tls: '', peerPid: 0 }
  isBlocked = false
  isPaused = false
  over: 'ended' | 'closed' | 'reset' | undefined
  #written: Buffer[] = []
  #unsaid = 0

  constructor(id: number) {
    this.id = id
  }

  get isOpen(): boolean {
    return this.over === undefined
  }

  get writtenBytes(): number {
    return this.#written.reduce((sum, { length }) => sum + length, 0)
  }

  write(bytes: Uint8Array): boolean {
    if (this.isOpen) this.#written.push(Buffer.from(bytes))
    return this.isOpen
  }

  welcome(loginEnd: Buffer, key: { readonly processId: number; readonly secret: Buffer }): void {
    this.write(build.withKey(loginEnd, key.processId, key.secret))
  }

  fail(error: TaxirankError): void {
    this.write(build.errorResponse(error))
    if (error.severity === 'FATAL') this.end()
  }

  end(): void {
    this.over ??= 'ended'
  }

  close(): void {
    this.over ??= 'closed'
  }

  reset(): void {
    this.over ??= 'reset'
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  /** What has been written since the last time, message by message. */
  messages(): Message[] {
    const bytes = Buffer.concat(this.#written)
    this.#written = [bytes]
    const found: Message[] = []
    let at = this.#unsaid
    while (at < bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1)
      found.push({ type: bytes.toString('latin1', at, at + 1), body: bytes.subarray(at + 5, end) })
      at = end
    }
    this.#unsaid = at
    return found
  }

  said(): string[] {
    return this.messages().map(say)
  }
}

export const noFigures: PoolerFigures = {
  clients: () => [],
  servers: () => [],
  pools: () => [],
  pins: () => [],
  holders: () => [],
  audit: () => [],
  recordings: () => [],
  recording: () => undefined,
  databases: () => [],
  users: () => [],
  stats: () => [],
  lists: () => ({
    databases: 0,
    users: 0,
    pools: 0,
    clients: 0,
    loggingIn: 0,
    servers: 0,
    dnsNames: 0,
    dnsPending: 0,
  }),
  dnsHosts: () => [],
  state: () => ({ isPaused: false, isSuspended: false, isDraining: false }),
}

/** Notes every call in `calls`; what takes time waits until `finish`, or until `resume` gives it up. */
export class FakeVerbs implements PoolerVerbs {
  readonly calls: string[] = []
  readonly #pending: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []

  pause = (database?: string): Promise<void> => this.#wait('pause', database)
  suspend = (): Promise<void> => this.#wait('suspend')
  waitClose = (database?: string): Promise<void> => this.#wait('waitClose', database)
  disable = (database: string): void => this.#note('disable', database)
  enable = (database: string): void => this.#note('enable', database)
  reconnect = (database?: string): void => this.#note('reconnect', database)
  kill = (database?: string): void => this.#note('kill', database)

  resume = (database?: string): void => {
    this.#note('resume', database)
    const error = new TaxirankError('console_refused', 'given up')
    for (const { reject } of this.#pending.splice(0)) reject(error)
  }

  killClient = (id: number): boolean => {
    this.#note('killClient', String(id))
    return id === 7
  }

  async finish(): Promise<void> {
    for (const { resolve } of this.#pending.splice(0)) resolve()
    await settled()
  }

  #note(verb: string, argument?: string): void {
    this.calls.push(argument === undefined ? verb : `${verb} ${argument}`)
    if (argument === 'nosuch') throw new TaxirankError('console_refused', 'no such database: nosuch')
  }

  #wait(verb: string, argument?: string): Promise<void> {
    this.#note(verb, argument)
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
    })
  }
}

/** Every promise that is decided has told everybody. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

export interface FakeWorld {
  readonly console: Console
  readonly verbs: FakeVerbs
  readonly logged: string[]
  /** What was asked of the process. */
  readonly asked: string[]
  /** Callbacks that wait for the kernel to have taken what was written. */
  readonly soon: (() => void)[]
  /** A client that has come in, and has read its welcome. */
  enter(user?: string): { readonly client: FakeClient; readonly visitor: ConsoleVisitor }
}

export interface FakeParts {
  readonly figures?: Partial<PoolerFigures>
  readonly process?: Partial<ProcessControl>
  /** Absent: by hand, in `soon`. */
  readonly callsBackItself?: boolean
}

export function fakeWorld({ figures, process, callsBackItself = false }: FakeParts = {}): FakeWorld {
  const verbs = new FakeVerbs()
  const [logged, asked, soon]: [string[], string[], (() => void)[]] = [[], [], []]
  const control: ProcessControl = {
    version: 'PgBouncer 1.25.2 (Taxirank 9.9.9)',
    settings: () => [{ name: 'listen_port', value: '6432', default: '6432', isChangeable: false }],
    memory: () => [],
    reload: () => void asked.push('reload'),
    set: (name, value) => void asked.push(`set ${name}=${value}`),
    shutdown: (mode) => void asked.push(`shutdown ${mode}`),
    ...process,
  }
  const console = new Console({
    users: () => ({ admins: new Set(['admin']), stats: new Set(['stats']) }),
    process: control,
    pooler: () => ({ figures: { ...noFigures, ...figures }, verbs }),
    trace: noTrace,
    log: new Log((line) => logged.push(line)),
    wallClock: () => wallClockMs,
    ...(!callsBackItself && { soon: (callback) => void soon.push(callback) }),
  })
  let lastId = 100
  const enter = (user = 'admin'): ReturnType<FakeWorld['enter']> => {
    const client = new FakeClient(++lastId)
    const visitor = console.open(client, user, false, () => undefined)
    visitor.welcome({ processId: 1, secret: Buffer.alloc(4) })
    client.messages()
    return { client, visitor }
  }
  return { console, verbs, logged, asked, soon, enter }
}
