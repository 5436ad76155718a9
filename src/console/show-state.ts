import { show } from './command.ts'
import { yesNo } from './number-values.ts'
import { text } from './result.ts'

/** Active is what is neither paused nor suspended. */
export const showState = show('STATE', [text('key'), text('value')], ({ figures }) => {
  const { isPaused, isSuspended } = figures.state()
  return [
    ['active', yesNo(!isPaused && !isSuspended)],
    ['paused', yesNo(isPaused)],
    ['suspended', yesNo(isSuspended)],
  ]
})
