/** The relay in a process of its own: `bun bench/relay/main.ts '{"port":7000,"targetPort":5432,"delayMs":1}'`. */

import { type RelayOptions, startDelayingRelay } from './relay.ts'

startDelayingRelay(JSON.parse(process.argv[2] ?? '') as RelayOptions)
