/** One session that texts are run in, and looked at before and after. What a text has changed is gone before the next one. */

import { RawClient } from '../support/raw-client.ts'
import * as raw from '../support/raw-messages.ts'
import { areRenamed, type Change, changesBetween, type Look, lists, question, afterwards } from './look.ts'

export interface Run {
  /** What PostgreSQL said, if it refused. */
  readonly refusal: string | undefined
  readonly changes: readonly Change[]
}

/** Of the whole session: a text that never ends is cut short. */
const options = '-c statement_timeout=3s -c lock_timeout=2s'

export class OracleSession {
  readonly #port: number
  /** Run in a new session, so that there is something to lose. */
  readonly #prelude: string
  #client: RawClient | undefined
  #before: Look | undefined
  #expected: ReadonlySet<string> = new Set()

  constructor(port: number, prelude: string) {
    this.#port = port
    this.#prelude = prelude
  }

  async run(text: string, customNames: readonly string[]): Promise<Run> {
    const client = (this.#client ??= await this.#open())
    const before = this.#before as Look
    const refusal = await this.#execute(client, text)
    if (client.over) {
      this.close()
      return { refusal: refusal ?? 'closed', changes: [] }
    }
    const after = await look(client, customNames).catch((error: unknown) => {
      throw new Error(`behind ${text}`, { cause: error })
    })
    const changes = changesBetween(before, after, (random) => this.#expected.has(rounded(random)))
    // What has only another name by now would be missed by that when something else changes.
    if (changes.length > 0 || areRenamed(before, after)) await this.#restore(client, changes)
    return { refusal, changes }
  }

  close(): void {
    this.#client?.leave()
    this.#client = undefined
  }

  async #open(): Promise<RawClient> {
    const client = await RawClient.login(this.#port, { database: 'oracle', options })
    await client.query(this.#prelude)
    if (this.#expected.size === 0) this.#expected = await randomNumbers(client)
    await client.query(afterwards)
    this.#before = await look(client, ['app.loaded'])
    return client
  }

  /** Also when what it has changed can't be undone. */
  async #restore(client: RawClient, changes: readonly Change[]): Promise<void> {
    const isSimple = changes.every(({ what }) => ['parameter', 'custom', ...lists].includes(what))
    const isDeep = changes.some(({ what }) => what === 'libraries' || what === 'links' || what === 'slots')
    if (!isSimple || isDeep) return this.close()
    const said = [...(await client.query('DISCARD ALL')), ...(await client.query(this.#prelude))]
    if (said.some((line) => line.startsWith('E'))) this.close()
  }

  /** Ends its transaction, too, so that what is left is what outlives it. */
  async #execute(client: RawClient, text: string): Promise<string | undefined> {
    client.send(raw.query(text))
    const { refusal, status } = await finish(client)
    if (status === 'I') return refusal
    client.send(raw.query(status === 'T' ? 'COMMIT' : 'ROLLBACK'))
    const end = await finish(client)
    return refusal ?? end.refusal
  }
}

/** Reads up to ReadyForQuery; whoever copies in gets no rows. */
async function finish(client: RawClient): Promise<{ readonly refusal: string | undefined; readonly status: string }> {
  let refusal: string | undefined
  for (;;) {
    const next = await client.message()
    if (!next) return { refusal, status: 'I' }
    if (next.type === 'G') client.send(raw.copyDone)
    if (next.type === 'E') refusal ??= raw.say(next).slice(2)
    if (next.type === 'Z') return { refusal, status: next.body.toString('latin1') }
  }
}

async function look(client: RawClient, customNames: readonly string[]): Promise<Look> {
  const answer = await client.value(`${question(customNames)}; ${afterwards}`)
  if (answer === null) throw new Error('the session could not be looked at')
  return JSON.parse(answer) as Look
}

async function randomNumbers(client: RawClient): Promise<ReadonlySet<string>> {
  await client.query(afterwards)
  const rows = await client.rows('SELECT random() AS r FROM generate_series(1, 3000)')
  return new Set(rows.map(({ r }) => rounded(Number(r))))
}

/** A setting decides how many digits are shown. */
function rounded(random: number): string {
  return random.toPrecision(10)
}
