/**
 * `bun test/support/pooler-process.ts FILE.ini`: the pooler in a process of its own, also as root, also on port 0's like
 * (listen_port is taken as it is). Prints `listening PORT` when ready; SIGINT and SIGTERM drain it.
 */

import { readFileSync } from 'node:fs'
import { parseConfig } from '../../src/config/parse-config.ts'
import { serveConfig } from '../../src/cli/serve-config.ts'
import { stoppedBySignal } from '../../src/cli/signals.ts'
import { Log } from '../../src/log.ts'

const [, , file] = process.argv
if (file === undefined) throw new Error('usage: pooler-process.ts FILE.ini')
const readFile = (path: string): string => readFileSync(path, 'utf8')
const log = new Log((line) => process.stderr.write(line))
const running = await serveConfig(parseConfig(file, readFile), { log, readFile })
const stopped = stoppedBySignal(process, running, log)
process.stdout.write(`listening ${running.port}\n`)
await stopped
process.exit(0)
