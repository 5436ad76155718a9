/**
 * `bun test/support/pooler-process.ts FILE.ini`: the pooler in a process of its own, also as root, also on port 0's like
 * (listen_port is taken as it is). Prints `listening PORT` when ready; obeys the signals that `taxirank FILE.ini` obeys. It
 * logs to `logfile`, or to stderr if there is none.
 */

import { readFileSync } from 'node:fs'
import { parseConfig } from '../../src/config/parse-config.ts'
import { serveConfig } from '../../src/cli/serve-config.ts'
import { openLog } from '../../src/cli/daemon-log.ts'
import { obeySignals, stoppedBySignal } from '../../src/cli/signals.ts'
import { Log } from '../../src/log.ts'

const [, , file] = process.argv
if (file === undefined) throw new Error('usage: pooler-process.ts FILE.ini')
const readFile = (path: string): string => readFileSync(path, 'utf8')
const config = parseConfig(file, readFile)
const sink = openLog(config.global.logfile, config.global.logfile !== undefined)
const log = new Log(sink.write)
const running = await serveConfig(config, { log, readFile, reopenLog: sink.reopen })
const stopped = stoppedBySignal(process, running, log)
obeySignals(process, running, log)
process.stdout.write(`listening ${running.port}\n`)
await stopped
process.exit(0)
