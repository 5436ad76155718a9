/**
 * PBKDF2, the one slow thing of a login: on the runtime's threads, a few at once, so that neither the event loop nor every
 * core is busy with logins. What can be bounded is: how many wait, how many results are kept. Asking twice for the same, as
 * a thousand clients of one user do after a restart, costs one derivation.
 */

import { createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { TaxirankError } from '../errors.ts'
import { keyBytes, type ScramSalt } from './scram-keys.ts'

/** What is to be derived: the salted password of SCRAM-SHA-256. */
export class Derivation implements ScramSalt {
  readonly salt: Buffer
  readonly iterations: number
  /** The password is known to be right, so the result is worth keeping. What a client claims isn't. */
  readonly isKept: boolean
  readonly #password: Buffer

  /** `password`: after SASLprep. */
  constructor(password: Buffer, { salt, iterations }: ScramSalt, isKept: boolean) {
    this.#password = password
    this.salt = salt
    this.iterations = iterations
    this.isKept = isKept
  }

  get password(): Buffer {
    return this.#password
  }
}

/** Who waits for a derivation: exactly one of these is called, unless it abandons. */
export interface DerivationWaiter {
  derived(saltedPassword: Buffer): void
  /** The runtime could not do it. */
  derivationFailed(error: TaxirankError): void
}

export interface DerivationsOptions {
  readonly mostAtOnce: number
  readonly mostWaiting: number
  readonly mostKept: number
  /** For tests: derives in its own way and time. */
  readonly derive?: Derive
}

export type Derive = (derivation: Derivation, done: (error: Error | null, saltedPassword: Buffer) => void) => void

/** Two leave the event loop room on a machine with two cores, and make some 3,700 derivations of 4,096 rounds a second. */
export const derivationsDefaults: DerivationsOptions = { mostAtOnce: 2, mostWaiting: 1_000, mostKept: 4_096 }

interface Job {
  readonly id: string
  readonly derivation: Derivation
  readonly waiters: Set<DerivationWaiter>
  isRunning: boolean
}

export class Derivations {
  readonly #options: DerivationsOptions
  readonly #derive: Derive
  /** Results are known by a hash with this key, so that no password stays in memory for their sake. */
  readonly #key = randomBytes(32)
  /** Least recently used first. */
  readonly #kept = new Map<string, Buffer>()
  /** Running or waiting, oldest first. */
  readonly #jobs = new Map<string, Job>()
  readonly #jobOf = new Map<DerivationWaiter, Job>()
  #running = 0

  constructor(options: DerivationsOptions = derivationsDefaults) {
    this.#options = options
    this.#derive = options.derive ?? derive
  }

  get waiting(): number {
    return this.#jobs.size - this.#running
  }

  /**
   * The salted password, if it is known. Else undefined, and the waiter hears of it later, never within this call. Throws
   * `overloaded` if as many wait as may. A waiter waits for one derivation at a time.
   */
  derive(derivation: Derivation, waiter: DerivationWaiter): Buffer | undefined {
    const id = this.#identify(derivation)
    const known = this.#recall(id)
    if (known) return known
    const job = this.#jobs.get(id) ?? this.#enqueue(id, derivation)
    job.waiters.add(waiter)
    this.#jobOf.set(waiter, job)
    this.#start()
    return undefined
  }

  /** The waiter has left: it isn't called, and what nobody else waits for isn't begun. */
  abandon(waiter: DerivationWaiter): void {
    const job = this.#jobOf.get(waiter)
    if (!job) return
    this.#jobOf.delete(waiter)
    job.waiters.delete(waiter)
    if (job.waiters.size === 0 && !job.isRunning) this.#jobs.delete(job.id)
  }

  #enqueue(id: string, derivation: Derivation): Job {
    const { mostWaiting } = this.#options
    if (this.#waitingLike(derivation) >= mostWaiting) {
      const text = `too many logins at once: ${mostWaiting.toLocaleString('en-US')} wait for their password to be hashed`
      throw new TaxirankError('overloaded', text)
    }
    const job = { id, derivation, waiters: new Set<DerivationWaiter>(), isRunning: false }
    this.#jobs.set(id, job)
    return job
  }

  #start(): void {
    while (this.#running < this.#options.mostAtOnce) {
      const job = this.#next()
      if (!job) return
      this.#run(job)
    }
  }

  #waitingLike({ isKept }: Derivation): number {
    let waiting = 0
    for (const job of this.#jobs.values()) if (!job.isRunning && job.derivation.isKept === isKept) waiting++
    return waiting
  }

  /** What is known to be right goes first: somebody's claims, however many, must not keep servers and others from logging in. */
  #next(): Job | undefined {
    let claim: Job | undefined
    for (const job of this.#jobs.values()) {
      if (job.isRunning) continue
      if (job.derivation.isKept) return job
      claim ??= job
    }
    return claim
  }

  #run(job: Job): void {
    job.isRunning = true
    this.#running++
    this.#derive(job.derivation, (error, saltedPassword) => this.#finish(job, error, saltedPassword))
  }

  #finish(job: Job, cause: Error | null, saltedPassword: Buffer): void {
    this.#running--
    this.#jobs.delete(job.id)
    if (!cause && job.derivation.isKept) this.#keep(job.id, saltedPassword)
    this.#start()
    for (const waiter of job.waiters) {
      job.waiters.delete(waiter)
      this.#jobOf.delete(waiter)
      if (cause) waiter.derivationFailed(new TaxirankError('overloaded', 'a password could not be hashed', { cause }))
      else waiter.derived(saltedPassword)
    }
  }

  #recall(id: string): Buffer | undefined {
    const known = this.#kept.get(id)
    if (!known) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, known)
    return known
  }

  #keep(id: string, saltedPassword: Buffer): void {
    this.#kept.set(id, saltedPassword)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#options.mostKept) return
      this.#kept.delete(oldest)
    }
  }

  /** `isKept` is a part of it: what a client claims must not be told from what is known by the time it takes. */
  #identify({ password, salt, iterations, isKept }: Derivation): string {
    const lengths = `${isKept} ${iterations} ${salt.length} ${password.length}\0`
    return createHmac('sha256', this.#key).update(lengths).update(salt).update(password).digest('base64')
  }
}

function derive({ password, salt, iterations }: Derivation, done: Parameters<Derive>[1]): void {
  pbkdf2(password, salt, iterations, keyBytes, 'sha256', done)
}
