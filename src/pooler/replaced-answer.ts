/**
 * Notes of messages that were sent in place of a client's: what PostgreSQL answers to them is not what the client is given.
 */

import type { TaxirankError } from '../errors.ts'
import * as build from '../wire/build.ts'
import type { MessageBytes } from '../wire/read.ts'
import type { MessageNote } from './reply-queue.ts'

export class ReplacedAnswer implements MessageNote {
  readonly isOurs = false
  readonly #failed: () => void

  /** `failed` undoes what was done when the message was sent. */
  constructor(failed: () => void = () => undefined) {
    this.#failed = failed
  }

  /** In place of a completion; undefined: that stays. */
  get completion(): Buffer | undefined {
    return undefined
  }

  /** In place of an ErrorResponse; undefined: that stays. */
  error(_message: MessageBytes): Buffer | undefined {
    return undefined
  }

  completed(): void {
    return
  }

  failed(): void {
    this.#failed()
  }
}

const parseComplete = build.message('1')

/** A Close stands for the Parse of a statement that is there: what it is answered with is given as what a Parse is answered with. */
export class ParsedAlready extends ReplacedAnswer {
  override get completion(): Buffer {
    return parseComplete
  }
}

const duplicateState = '\0C42P05\0'

/** The error says our name for the statement, and the client knows it by its own. */
export class DuplicateName extends ReplacedAnswer {
  readonly #name: string
  readonly #ours: string

  /** Names are byte strings. */
  constructor(name: string, ours: string) {
    super()
    this.#name = name
    this.#ours = ours
  }

  override error({ bytes, start, end }: MessageBytes): Buffer | undefined {
    const fields = bytes.toString('latin1', start + 5, end)
    if (!fields.includes(duplicateState)) return undefined
    return build.message(
      'E',
      Buffer.from(
        fields.replace(this.#ours, () => this.#name),
        'latin1',
      ),
    )
  }
}

/** Something that fails stands for a message that must not run: so a transaction fails, too. */
export class RefusedMessage extends ReplacedAnswer {
  readonly #error: TaxirankError

  constructor(error: TaxirankError) {
    super()
    this.#error = error
  }

  override error(): Buffer {
    return build.errorResponse(this.#error)
  }
}

/** A Query without a statement stands for a command that was carried out here. */
export class CarriedOut extends ReplacedAnswer {
  readonly #completion: Buffer

  constructor(tag: string, undo?: () => void) {
    super(undo)
    this.#completion = build.message('C', Buffer.from(`${tag}\0`))
  }

  override get completion(): Buffer {
    return this.#completion
  }
}
