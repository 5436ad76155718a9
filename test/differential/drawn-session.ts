/**
 * What PostgreSQL has of a conversation that is being drawn: statements, portals, the transaction. So who draws knows what will fail, and what must not
 * be said, since the pooler answers it otherwise. Told of everything that runs, in order; what is skipped it is not told of.
 */

const savepoints = ['x', 'y'] as const
/** One of them, by SQL. */
const deallocated = /^deallocate (?!all$)(.+)$/

interface Portal {
  readonly text: string
  /** How many savepoints were there when it was bound. */
  depth: number
  /** It was executed. */
  hasRun: boolean
}

export class DrawnSession {
  status: 'idle' | 'open' | 'failed' = 'idle'
  /** Texts by name. */
  readonly named = new Map<string, string>()
  /** The text of the unnamed statement; null: there is none; undefined: nobody knows, or it is none that can just be run. */
  unnamed: string | null | undefined = null
  readonly portals = new Map<string, Portal>()
  /** SQL has prepared one. */
  hasPrepared = false
  readonly #savepoints: string[] = []
  /** How many savepoints were there when that was done which makes the commit fail. */
  #doomedAt: number | undefined

  /** What can be said of the transaction now. */
  controls(): string[] {
    if (this.status === 'idle') return ['begin']
    const known = savepoints.filter((name) => this.#savepoints.includes(name))
    const back = known.map((name) => `rollback to ${name}`)
    if (this.status === 'failed') return ['rollback', 'commit', 'rollback and chain', ...back, ...back, ...back]
    const more = savepoints.map((name) => `savepoint ${name}`)
    return ['commit', 'rollback', 'commit and chain', ...more, ...back, ...known.map((name) => `release ${name}`)]
  }

  /** One of these runs; false: it fails. */
  control(text: string): boolean {
    const savepoint = text.at(-1) ?? ''
    if (text === 'begin') this.begun()
    else if (text.startsWith('rollback to')) this.#rolledBackTo(savepoint)
    else if (text.startsWith('savepoint')) this.#savepoints.push(savepoint)
    else if (text.startsWith('release')) this.#released(savepoint)
    else return this.#ended(text)
    return true
  }

  /** By COMMIT or ROLLBACK, of which AND CHAIN begins the next one. A COMMIT that fails begins none. */
  #ended(text: string): boolean {
    const isDone = text.startsWith('rollback') || this.status === 'failed' || this.#doomedAt === undefined
    this.status = text.endsWith('chain') && isDone ? 'open' : 'idle'
    this.#forgetTransaction()
    return isDone
  }

  begun(): void {
    this.status = 'open'
  }

  #forgetTransaction(): void {
    this.#savepoints.length = 0
    this.portals.clear()
    this.#doomedAt = undefined
  }

  failed(): void {
    if (this.status === 'idle') this.#forgetTransaction()
    else this.status = 'failed'
  }

  #rolledBackTo(savepoint: string): void {
    const kept = this.#savepoints.lastIndexOf(savepoint)
    this.#savepoints.length = kept + 1
    for (const [name, { depth }] of this.portals) if (depth > kept) this.portals.delete(name)
    if (this.#doomedAt !== undefined && this.#doomedAt > kept) this.#doomedAt = undefined
    this.status = 'open'
  }

  #released(savepoint: string): void {
    const kept = this.#savepoints.lastIndexOf(savepoint)
    this.#savepoints.length = kept
    for (const portal of this.portals.values()) portal.depth = Math.min(portal.depth, kept)
    if (this.#doomedAt !== undefined) this.#doomedAt = Math.min(this.#doomedAt, kept)
  }

  bound(portal: string, text: string): void {
    this.portals.set(portal, { text, depth: this.#savepoints.length, hasRun: false })
  }

  doomed(): void {
    this.#doomedAt ??= this.#savepoints.length
  }

  /** By a Query: PostgreSQL runs it as its unnamed statement and portal. */
  queried(text: string): void {
    this.unnamed = null
    this.portals.delete('')
    this.ran(text)
    this.groupEnded()
  }

  /** It deallocates what is not there. */
  isInVain(text: string): boolean {
    const name = deallocated.exec(text)?.[1]
    return name !== undefined && !this.named.has(name)
  }

  ran(text: string): void {
    const name = deallocated.exec(text)?.[1]
    if (name !== undefined) this.named.delete(name)
    if (text !== 'deallocate all' && text !== 'discard all') return
    this.named.clear()
    this.hasPrepared = false
  }

  /** Its Sync has come. */
  groupEnded(): void {
    if (this.status === 'idle') this.#forgetTransaction()
  }
}
