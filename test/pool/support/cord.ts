/** A way to a port of this machine whose connections can be ended at any moment, whether anything is under way or not. */

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class Cord {
  readonly #server: Server
  readonly #ends = new Map<Socket, Socket>()

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      this.#ends.set(near, far)
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('error', () => undefined).on('close', () => other.destroy())
        one.pipe(other)
      }
      near.on('close', () => this.#ends.delete(near))
    })
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends all connections that are open: with a word of farewell, or with none. */
  cut(how: 'FIN' | 'RST'): void {
    for (const [near, far] of this.#ends) {
      if (how === 'RST') near.resetAndDestroy()
      else near.end()
      far.destroy()
    }
  }

  stop(): void {
    this.#server.close()
    this.cut('RST')
  }
}
