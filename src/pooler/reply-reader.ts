/** Whom a reply is for. */
export interface ReplyReader {
  /** Positive. */
  readonly id: number
  /** False once the client is gone: what comes for it is swallowed. */
  readonly isReading: boolean
  /** Bytes of a reply, from the server with that id. False, and nothing done, once the client is gone. */
  reply(bytes: Uint8Array, server: number): boolean
}
