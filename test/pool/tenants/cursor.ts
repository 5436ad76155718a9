/** A cursor as pg-cursor has it: submitted in the place of a query, it reads a portal a few rows at a time. */

interface Connection {
  parse(query: object): void
  bind(config: object): void
  describe(message: object): void
  execute(config: object): void
  close(message: object): void
  flush(): void
  sync(): void
}

/** After how many portions it goes no further: closes the portal, or leaves everything as it is. */
export interface Stop {
  readonly after: number
  readonly how: 'close' | 'leave'
}

const rowsTogether = 3

export class Cursor {
  readonly rows: unknown[][] = []
  /** Rejects with what PostgreSQL says; never settles if it stops by leaving. */
  readonly ended: Promise<void>
  /** More than one end, or rows behind it. */
  isAnsweredTwice = false
  readonly #text: string
  readonly #values: readonly unknown[]
  readonly #portal: string
  readonly #stop: Stop | undefined
  #portions = 0
  #isOver = false
  #resolve!: () => void
  #reject!: (error: Error) => void

  constructor(text: string, values: readonly unknown[], portal: string, stop?: Stop) {
    this.#text = text
    this.#values = values
    this.#portal = portal
    this.#stop = stop
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    connection.parse({ text: this.#text, name: '' })
    connection.bind({ portal: this.#portal, statement: '', values: this.#values })
    connection.describe({ type: 'P', name: this.#portal })
    this.#read(connection)
  }

  #read(connection: Connection): void {
    connection.execute({ portal: this.#portal, rows: rowsTogether })
    connection.flush()
  }

  handleDataRow({ fields }: { readonly fields: unknown[] }): void {
    if (this.#isOver) this.isAnsweredTwice = true
    this.rows.push(fields)
  }

  handlePortalSuspended(connection: Connection): void {
    this.#portions++
    if (this.#portions !== this.#stop?.after) return this.#read(connection)
    if (this.#stop.how === 'leave') return
    connection.close({ type: 'P', name: this.#portal })
    connection.sync()
  }

  handleCommandComplete(_message: unknown, connection: Connection): void {
    connection.sync()
  }

  handleError(error: Error, connection: Connection): void {
    this.#end(() => this.#reject(error))
    connection.sync()
  }

  handleReadyForQuery(): void {
    if (!this.#isOver) this.#end(() => this.#resolve())
  }

  #end(settle: () => void): void {
    if (this.#isOver) this.isAnsweredTwice = true
    this.#isOver = true
    settle()
  }

  handleRowDescription(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}
