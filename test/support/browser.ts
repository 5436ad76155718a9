/**
 * Chromium, told what to do over its own protocol (Chrome DevTools Protocol): a page is opened in a size, asked questions, printed. It
 * dies with this process.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './tools.ts'

/** Nothing of it asks the network for anything but the page; and as root it needs to be told that it may run. */
export const quietly = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const startLimitMs = 30_000

interface Answer {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

export class Browser {
  /** What pages have complained about: errors, exceptions, and what their policy has forbidden. */
  readonly complaints: string[] = []
  readonly #child: Bun.Subprocess
  readonly #profile: string
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  readonly #heard = new Set<(method: string) => void>()
  readonly #kill: () => void
  #lastId = 0

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'taxirank-chromium-'))
    const command = [findProgram('chromium') as string, ...quietly, `--user-data-dir=${profile}`]
    const child = Bun.spawn([...command, '--remote-debugging-port=0', 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const { port } = new URL(await addressIn(child.stderr))
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
      type: string
      webSocketDebuggerUrl: string
    }[]
    const page = targets.find(({ type }) => type === 'page')
    const socket = new WebSocket(page?.webSocketDebuggerUrl ?? '')
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', reject)
    })
    const browser = new Browser(child, profile, socket)
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.#send(`${domain}.enable`)
    return browser
  }

  private constructor(child: Bun.Subprocess, profile: string, socket: WebSocket) {
    this.#child = child
    this.#profile = profile
    this.#socket = socket
    this.#kill = () => child.kill('SIGKILL')
    process.once('exit', this.#kill)
    socket.addEventListener('message', ({ data }) => this.#received(JSON.parse(String(data)) as Answer))
  }

  #received(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
      return
    }
    const { method = '', params } = answer
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.complaints.push(JSON.stringify(params))
    if (method === 'Runtime.consoleAPICalled') this.complaints.push(JSON.stringify(params))
    for (const heard of this.#heard) heard(method)
  }

  async #send(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#lastId
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { result = {}, error } = await answered
    if (error) throw new Error(`${method}: ${error.message}`)
    return result
  }

  /** Resolves when all of it is there. `width` in CSS pixels. */
  async open(url: string, width: number): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', {
      width,
      height: 900,
      deviceScaleFactor: 1,
      mobile: width < 600,
    })
    const loaded = new Promise<void>((resolve) => {
      const heard = (method: string): void => {
        if (method !== 'Page.loadEventFired') return
        this.#heard.delete(heard)
        resolve()
      }
      this.#heard.add(heard)
    })
    await this.#send('Page.navigate', { url })
    await loaded
  }

  /** As a printer sees it from now on; `''`: as a screen. */
  async emulate(media: 'print' | ''): Promise<void> {
    await this.#send('Emulation.setEmulatedMedia', { media })
  }

  /** Of an expression in the page: a value that survives JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true })
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { value: T }).value
  }

  /** A PDF of the page as it is printed, on A4. */
  async print(): Promise<Buffer> {
    const { data } = await this.#send('Page.printToPDF', {
      preferCSSPageSize: true,
      paperWidth: 8.27,
      paperHeight: 11.69,
    })
    return Buffer.from(data as string, 'base64')
  }

  async stop(): Promise<void> {
    this.#socket.close()
    this.#child.kill('SIGKILL')
    process.off('exit', this.#kill)
    await this.#child.exited
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Where it listens, which it says on stderr. */
async function addressIn(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const limit = AbortSignal.timeout(startLimitMs)
  let said = ''
  for await (const bytes of stderr) {
    said += Buffer.from(bytes).toString()
    const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? []
    if (address !== undefined) return address
    limit.throwIfAborted()
  }
  throw new Error(`Chromium ended: ${said}`)
}
