/** Servers that answer whatever they are asked first with the same bytes, each in another split, and then talk nonsense. */

import { createServer, type AddressInfo, type Socket as NetSocket } from 'node:net'
import type { TestDatabase } from './pooler.ts'
import { everySplit } from './splits.ts'

export interface SplitServers {
  /** One of each server, named after it. */
  readonly databases: Readonly<Record<string, TestDatabase>>
  /** How many have been asked. */
  asked(): number
  close(): void
}

/** The databases are for one pooler: so all of them are tried at once, and waited for once. */
export async function startSplitServers(answer: Buffer): Promise<SplitServers> {
  const asked = new Set<string>()
  const closers: (() => void)[] = []
  const open = async (chunks: readonly Buffer[], name: string): Promise<TestDatabase> => {
    const { port, close } = await listen((socket) => {
      asked.add(name)
      void speak(socket, chunks)
    })
    closers.push(close)
    return { address: { host: '127.0.0.1', port } }
  }
  const opened = [...everySplit(answer)].map(async (chunks, index) => {
    const name = `split${index}`
    return [name, await open(chunks, name)] as const
  })
  return {
    databases: Object.fromEntries(await Promise.all(opened)),
    asked: () => asked.size,
    close: () => {
      for (const close of closers) close()
    },
  }
}

/** The pauses are for the kernel, which else would put the chunks together again. */
async function speak(socket: NetSocket, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return
    socket.write(chunk)
    await Bun.sleep(1)
  }
  socket.end('nonsense')
}

async function listen(asked: (socket: NetSocket) => void): Promise<{ port: number; close: () => void }> {
  const sockets: NetSocket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket
      .setNoDelay()
      .on('error', () => undefined)
      .once('data', () => asked(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { port: (server.address() as AddressInfo).port, close }
}
