import { show } from './command.ts'
import { int4, text } from './result.ts'

const columns = [text('name'), ...['size', 'used', 'free', 'memtotal'].map(int4)]

/** The process's memory by kind, each as so many items of one size; PgBouncer shows its caches so. */
export const showMem = show('MEM', columns, ({ process }) =>
  process.memory().map(({ name, itemBytes, used, free }) => [name, itemBytes, used, free, itemBytes * (used + free)]),
)
