import type { CancelPacket, Client, ClientHandler, Startup } from '../client/client.ts'
import { Node } from '../engine/list.ts'
import { TaxirankError } from '../errors.ts'
import type { Deadline } from '../time.ts'
import type { Authentication } from './authentication.ts'
import type { CancelTarget } from './cancel-keys.ts'

/** What becomes of a client that has just been accepted. */
export interface ArrivalOwner {
  login(arrival: Arrival, startup: Startup): void
  cancel(arrival: Arrival, packet: CancelPacket): void
  arrivalClosed(arrival: Arrival, isReset: boolean): void
  arrivalCrashed(arrival: Arrival, error: unknown): void
}

/** A client until its login has been decided: it may say what it wants, once, within the login's time. */
export class Arrival extends Node implements ClientHandler {
  /** Of its login; undefined if there is no limit of time. */
  deadline: Deadline | undefined = undefined
  /** It is no login: it has brought a cancel request for this one, and is open until that is over. */
  cancels: CancelTarget | undefined = undefined
  /** Under way from its startup packet on. */
  authentication: Authentication | undefined = undefined
  readonly client: Client
  readonly arrivedAtMs: number
  readonly #owner: ArrivalOwner

  constructor(client: Client, arrivedAtMs: number, owner: ArrivalOwner) {
    super()
    this.client = client
    this.arrivedAtMs = arrivedAtMs
    this.#owner = owner
  }

  timedOut(limitMs: number): void {
    const text = `no login within ${limitMs.toLocaleString('en-US')} ms`
    this.authentication?.abandon()
    this.client.fail(new TaxirankError('login_timeout', text))
  }

  loginRequested(startup: Startup): void {
    this.#owner.login(this, startup)
  }

  cancelRequested(packet: CancelPacket): void {
    this.#owner.cancel(this, packet)
  }

  received(): void {
    throw new Error('taxirank bug: bytes of a client that is not logged in')
  }

  blocked(): void {
    this.client.reset()
  }

  drained(): void {}

  closed(cause: Error | undefined): void {
    this.authentication?.abandon()
    this.#owner.arrivalClosed(this, cause !== undefined)
  }

  crashed(error: unknown): void {
    this.#owner.arrivalCrashed(this, error)
  }
}
