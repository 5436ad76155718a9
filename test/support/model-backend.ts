/**
 * PostgreSQL's protocol loop in miniature, for model tests: which replies a backend sends to which messages, and nothing
 * of what they contain. Written from the manual's message flow and PostgreSQL's behaviour, not from the pooler.
 */

/** A statement of a Query or Execute. `copy-in-broken` fails after CopyInResponse before it has read any data. */
export type Statement = 'select' | 'empty' | 'error' | 'suspend' | 'copy-out' | 'copy-in' | 'copy-in-broken'

export type ClientMessage =
  | { readonly type: 'query'; readonly statements: readonly Statement[] }
  | { readonly type: 'execute'; readonly statement: Statement }
  | { readonly type: 'parse' | 'bind' | 'describe' | 'close' | 'function-call' | 'sync'; readonly fails: boolean }
  | { readonly type: 'copy-data'; readonly isBad: boolean }
  | { readonly type: 'copy-done' | 'copy-fail' | 'flush' }

export type ReplyType =
  | 'completion'
  | 'command-complete'
  | 'copy-in'
  | 'row'
  | 'error'
  | 'fatal'
  | 'function-result'
  | 'ready'

/** `answers` is the message that caused it: for `ready` the Query, FunctionCall or Sync. */
export interface Reply {
  readonly type: ReplyType
  readonly answers: ClientMessage
}

/** What PostgreSQL reads copy data among, and ignores outside. */
export function isCopyMessage({ type }: ClientMessage): boolean {
  return type === 'copy-data' || type === 'copy-done' || type === 'copy-fail'
}

type Loop = Generator<undefined, void, ClientMessage>

export class ModelBackend {
  /** Sent to the backend and not read yet. */
  readonly unread: ClientMessage[] = []
  /** Sent by the backend and not received yet. */
  readonly replies: Reply[] = []
  state: 'main' | 'skipping' | 'copying' | 'dead' = 'main'
  /** Extended messages were read and nothing has closed their group. */
  isGroupOpen = false
  readonly #loop = this.#run()

  constructor() {
    this.#loop.next()
  }

  /** Reads one message; false if there is none or nobody reads any more. */
  step(): boolean {
    const message = this.unread.shift()
    if (!message || this.state === 'dead') return false
    this.#loop.next(message)
    return true
  }

  /** Everything that will ever be answered is answered and received, and nothing of a session hangs in the air. */
  get isQuiet(): boolean {
    const isInert = this.unread.every((message) => isCopyMessage(message) || message.type === 'flush')
    return isInert && this.replies.length === 0 && this.state === 'main' && !this.isGroupOpen
  }

  #send(type: ReplyType, answers: ClientMessage): void {
    this.replies.push({ type, answers })
  }

  *#run(): Loop {
    while (this.state !== 'dead') {
      const message = yield
      if (this.state === 'skipping' && message.type !== 'sync') continue
      this.state = 'main'
      yield* this.#handle(message)
    }
  }

  *#handle(message: ClientMessage): Loop {
    switch (message.type) {
      case 'query':
      case 'function-call':
      case 'sync':
        this.isGroupOpen = false
        yield* this.#whole(message)
        if (this.state !== 'dead') this.#send('ready', message)
        return
      case 'execute':
        this.isGroupOpen = true
        if (yield* this.#statement(message.statement, message)) return
        break
      case 'parse':
      case 'bind':
      case 'describe':
      case 'close':
        this.isGroupOpen = true
        if (this.#simple('completion', message)) return
        break
      default:
        return
    }
    if (this.state !== 'dead') this.state = 'skipping'
  }

  *#whole(message: ClientMessage): Loop {
    if (message.type === 'query') {
      for (const statement of message.statements) if (!(yield* this.#statement(statement, message))) return
    } else if (message.type === 'function-call') {
      this.#simple('function-result', message)
    } else if (message.type === 'sync' && message.fails) {
      this.#send('error', message)
    }
  }

  #simple(type: ReplyType, message: ClientMessage & { fails: boolean }): boolean {
    this.#send(message.fails ? 'error' : type, message)
    return !message.fails
  }

  /** False after an error. */
  *#statement(statement: Statement, message: ClientMessage): Generator<undefined, boolean, ClientMessage> {
    const send = (type: ReplyType): void => this.#send(type, message)
    const isQuery = message.type === 'query'
    switch (statement) {
      case 'error':
        send('error')
        return false
      case 'empty':
      case 'suspend':
        send('completion')
        return true
      case 'select':
        if (isQuery) send('completion')
        send('row')
        send('command-complete')
        return true
      case 'copy-out':
        send('row')
        send('command-complete')
        return true
      case 'copy-in':
        send('copy-in')
        return yield* this.#copyIn(message)
      case 'copy-in-broken':
        send('copy-in')
        send('error')
        return false
    }
  }

  *#copyIn(message: ClientMessage): Generator<undefined, boolean, ClientMessage> {
    this.state = 'copying'
    for (;;) {
      const next = yield
      if (next.type === 'sync' || next.type === 'flush') continue
      if (next.type === 'copy-data' && !next.isBad) continue
      if (!isCopyMessage(next)) {
        this.state = 'dead'
        this.#send('error', message)
        this.#send('fatal', message)
        return false
      }
      this.state = 'main'
      const isDone = next.type === 'copy-done'
      this.#send(isDone ? 'command-complete' : 'error', message)
      return isDone
    }
  }
}
