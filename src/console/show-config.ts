import { show } from './command.ts'
import { yesNo } from './number-values.ts'
import { text } from './result.ts'

const columns = ['key', 'value', 'default', 'changeable'].map(text)

/** One row a setting. */
export const showConfig = show('CONFIG', columns, ({ process }) =>
  process
    .settings()
    .map((setting) => [setting.name, setting.value ?? null, setting.default ?? null, yesNo(setting.isChangeable)]),
)
