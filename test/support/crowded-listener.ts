/**
 * A process that listens and echoes, and sheds connections from a descriptor on, its argument. It prints its port, and on
 * a line of input the CPU that it has used and how many connections it has shed.
 */

import { listen } from '../../src/net/listen.ts'

const maxDescriptor = Number(process.argv[2])
const listener = listen({ host: '127.0.0.1', port: 0, maxDescriptor }, (socket) => ({
  received: (bytes) => socket.write(bytes),
  blocked: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
  crashed: () => undefined,
}))
const tell = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`)
tell({ port: listener.port })
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage()
  tell({ cpuMs: (user + system) / 1_000, shed: listener.shedCount })
})
process.stdin.on('end', () => process.exit(0))
