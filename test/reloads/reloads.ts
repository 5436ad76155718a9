/**
 * Reloads, good and bad, by signal and on the console, of the program itself while the canary's clients work: each is
 * answered; a bad one changes nothing; nobody loses a connection whose database stays; memory and descriptors stay.
 */

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/embedded/free-port.ts'
import { Random } from '../../src/random.ts'
import { Canary } from '../canary/canary.ts'
import { canaryIdentities, createCanaryDatabases, readFunctions, readLedger } from '../canary/database.ts'
import { issue } from '../support/certificates.ts'
import { eventually } from '../support/pooler.ts'
import { startTestPostgres } from '../support/postgres.ts'
import { type Program, startProgram } from '../support/program.ts'
import { RawClient } from '../support/raw-client.ts'
import { SecretSearch } from '../support/secret-search.ts'
import { drawBad, drawGood, type Place, type Variant, writeFiles } from './variants.ts'

export interface ReloadsOptions {
  readonly reloads: number
  readonly seed: number
  readonly clients: number
}

export interface ReloadsResult {
  readonly good: number
  readonly bad: number
  /** Of each mistake. */
  readonly mistakes: ReadonlyMap<string, number>
  readonly statements: number
  readonly seconds: number
  readonly longestReloadMs: number
  /** After the first tenth of the reloads, and at the end. */
  readonly memoryMB: readonly [number, number]
  readonly descriptors: readonly [number, number]
  /** A line about the search for secrets; those that were found are breaches. */
  readonly secrets: string
  /** Sentences, each about something that must not be. */
  readonly breaches: readonly string[]
}

const root = join(import.meta.dirname, '../..')
const answerLimitMs = 10_000

export async function runReloads(options: ReloadsOptions): Promise<ReloadsResult> {
  const folder = mkdtempSync(join(tmpdir(), 'taxirank-reloads-'))
  chmodSync(folder, 0o711)
  const postgres = await startTestPostgres()
  const traceFile = join(folder, 'trace')
  const secrets = new SecretSearch()
  const passwords = [1, 2, 3, 4].map((n) => secrets.canaries.make(`password= of a database, ${n}`))
  const [port, httpPort] = [await freePort(), await freePort()]
  const place: Place = { folder, port, httpPort, postgresPort: postgres.port, traceFile, passwords }
  try {
    await createCanaryDatabases({ host: '127.0.0.1', port: postgres.port })
    writeFiles(place, issue({ name: 'pooler', names: ['127.0.0.1'] }), secrets.canaries)
    secrets.listen()
    return await runOn(place, options, secrets)
  } finally {
    await postgres.remove()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function runOn(place: Place, options: ReloadsOptions, secrets: SecretSearch): Promise<ReloadsResult> {
  const checker = startChecker(place.traceFile)
  const random = new Random(options.seed)
  const ini = join(place.folder, 'pooler.ini')
  const first = drawGood(random, place)
  write(ini, first)
  const program = await startProgram(ini)
  const breaches: string[] = []
  try {
    const canary = await makeCanary(place, options, (text) => breaches.push(text), secrets)
    const reloads = new Reloads(program, ini, place, random, first, secrets)
    let isOver = false
    const work = Promise.all([canary.run(() => isOver), keepAsking(place.port, () => isOver, breaches)])
    const startMs = performance.now()
    await reloads.run(options.reloads).finally(() => (isOver = true))
    const seconds = (performance.now() - startMs) / 1_000
    await work
    await canary.compareLedger((database) => readLedger({ host: '127.0.0.1', port: place.postgresPort }, database))
    const result = reloads.result()
    await secrets.askMetrics(place.httpPort)
    const exitCode = await program.stop()
    secrets.log(program.said())
    if (exitCode !== 0) breaches.push(`the program ended with exit code ${exitCode}`)
    breaches.push(...wordsOfAlarm(program.said()), ...(await checker.verdict()), ...secrets.found)
    return { ...result, statements: canary.statements, seconds, secrets: secrets.summary, breaches }
  } finally {
    await program.stop()
    checker.kill()
  }
}

function write(ini: string, { text }: Variant): void {
  writeFileSync(ini, text, { mode: 0o644 })
}

/** A client of the database that is reloaded most: its mode and its password change, and it stays. */
async function keepAsking(port: number, isOver: () => boolean, breaches: string[]): Promise<void> {
  const client = await RawClient.login(port, { user: 'canary_a', database: 'kept' })
  while (!isOver()) {
    const said = await client.query('begin; select 7; commit').catch((error: unknown) => [String(error)])
    if (said.join() !== 'C BEGIN,T ?column?,D 7,C SELECT 1,C COMMIT,Z I')
      breaches.push(`a client of "kept": ${said.join()}`)
    if (client.over) return
    await Bun.sleep(1)
  }
  client.leave()
}

async function makeCanary(
  place: Place,
  options: ReloadsOptions,
  tell: (text: string) => void,
  secrets: SecretSearch,
): Promise<Canary> {
  const target = { host: '127.0.0.1', port: place.port }
  return new Canary({
    ...options,
    statements: 1,
    identities: canaryIdentities,
    target: () => target,
    cancelTarget: target,
    mostCancelHits: 1,
    functions: await readFunctions({ host: '127.0.0.1', port: place.postgresPort }),
    weather: { calmSinceMs: -Infinity, mayVanish: false },
    onError: secrets.error,
    onBreach: ({ kind, client, message }) => tell(`${kind}, client ${client}: ${message}`),
  })
}

/** What a runtime, or we, say of leaks and bugs. */
function wordsOfAlarm(said: string): string[] {
  return said.split('\n').filter((line) => /taxirank bug|a bug of the pooler|MaxListeners|Unhandled/i.test(line))
}

class Reloads {
  readonly #program: Program
  readonly #ini: string
  readonly #place: Place
  readonly #random: Random
  readonly #secrets: SecretSearch
  readonly #mistakes = new Map<string, number>()
  #holding: Variant
  #good = 0
  #bad = 0
  #longestMs = 0
  #early: Figures | undefined

  constructor(program: Program, ini: string, place: Place, random: Random, first: Variant, secrets: SecretSearch) {
    this.#secrets = secrets
    this.#program = program
    this.#ini = ini
    this.#place = place
    this.#random = random
    this.#holding = first
  }

  async run(count: number): Promise<void> {
    const admin = await RawClient.login(this.#place.port, { database: 'pgbouncer' })
    for (let n = 1; n <= count; n++) {
      await this.#reload(admin)
      if (n === Math.ceil(count / 10)) this.#early = figuresOf(this.#program.pid)
    }
    admin.leave()
  }

  async #reload(admin: RawClient): Promise<void> {
    const next = this.#random.chance(0.6) ? drawGood(this.#random, this.#place) : drawBad(this.#random, this.#place)
    const before = await configOf(admin)
    write(this.#ini, next)
    const startMs = performance.now()
    const isTaken = this.#random.chance(0.5) ? await this.#bySignal() : await this.#onConsole(admin)
    this.#longestMs = Math.max(this.#longestMs, performance.now() - startMs)
    assert.equal(isTaken, next.wrong === undefined, next.wrong ?? `a good file was refused:\n${next.text}`)
    const after = await configOf(admin)
    this.#secrets.figures(JSON.stringify(after))
    if (next.wrong === undefined) {
      this.#good++
      this.#holding = next
    } else {
      this.#bad++
      this.#mistakes.set(next.wrong, (this.#mistakes.get(next.wrong) ?? 0) + 1)
      assert.deepEqual(after, before, `SHOW CONFIG after ${next.wrong}`)
    }
    for (const [name, value] of Object.entries(this.#holding.shown)) assert.equal(after[name], value, name)
    const names = (await admin.rows('show databases')).map(({ name }) => name ?? '').sort()
    // One that is gone is shown for as long as a transaction of its clients lasts.
    assert.deepEqual(
      this.#holding.databases.filter((name) => !names.includes(name)),
      [],
    )
  }

  async #onConsole(admin: RawClient): Promise<boolean> {
    const said = (await admin.query('reload')).join()
    assert.match(said, /^(C RELOAD|E ERROR [^,]*: .*),Z I$/s)
    return said.startsWith('C')
  }

  /** The log says what came of it. */
  async #bySignal(): Promise<boolean> {
    const from = this.#program.said().length
    this.#program.signal('SIGHUP')
    const said = (): string => this.#program.said().slice(from)
    const isAnswered = (): boolean =>
      /config was re-read|pooler\.ini|ERROR|"level":"error"/.test(said().slice(said().indexOf('\n') + 1))
    await eventually(`an answer to SIGHUP: ${said()}`, isAnswered, answerLimitMs)
    await eventually('its last line', () => said().endsWith('\n'))
    return said().includes('config was re-read') || (await this.#wasReread(said))
  }

  async #wasReread(said: () => string): Promise<boolean> {
    if (/ ERROR |"level":"error"/.test(said())) return false
    await eventually('the end of the reload', () => / ERROR |"level":"error"|config was re-read/.test(said()))
    return said().includes('config was re-read')
  }

  result(): Omit<ReloadsResult, 'statements' | 'seconds' | 'secrets' | 'breaches'> {
    const [early, end] = [this.#early, figuresOf(this.#program.pid)]
    return {
      good: this.#good,
      bad: this.#bad,
      mistakes: this.#mistakes,
      longestReloadMs: this.#longestMs,
      memoryMB: [early?.memoryMB ?? end.memoryMB, end.memoryMB],
      descriptors: [early?.descriptors ?? end.descriptors, end.descriptors],
    }
  }
}

interface Figures {
  readonly memoryMB: number
  readonly descriptors: number
}

function figuresOf(pid: number): Figures {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    memoryMB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  }
}

async function configOf(admin: RawClient): Promise<Record<string, string | null>> {
  const rows = await admin.rows('show config')
  return Object.fromEntries(rows.map(({ key, value }) => [key, value ?? null]))
}

/** Reads the trace while it is written. */
function startChecker(traceFile: string): { verdict(): Promise<string[]>; kill(): void } {
  const { exitCode } = Bun.spawnSync(['mkfifo', '-m', '666', traceFile])
  assert.equal(exitCode, 0, 'mkfifo')
  chmodSync(traceFile, 0o666)
  const child = Bun.spawn([process.execPath, join(root, 'test/checker/main.ts'), traceFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  return {
    verdict: async () => ((await child.exited) === 0 ? [] : [`the checker: ${(await said).join('')}`]),
    kill: () => child.kill('SIGKILL'),
  }
}
