import { show } from './command.ts'
import { text } from './result.ts'

export const showVersion = show('VERSION', [text('version')], ({ process }) => [[process.version]])
