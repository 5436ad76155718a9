import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Guard } from '../../bench/guard.ts'
import { type Outcome, runDriver } from './run-driver.ts'
import type { Target } from './targets.ts'

const guard = new Guard()
after(() => guard.close())

/** What scripts in sh report; `$first` is the first of their steps. */
async function outcomesOf(script: string, left?: string): Promise<Outcome[]> {
  const target: Target = {
    name: 'direct',
    environment: {},
    renewServers: () => Promise.resolve(),
    whatIsLeft: () => Promise.resolve(left),
    stop: () => Promise.resolve(),
  }
  const command = { program: 'sh', args: ['-c', `first=\${DRIVER_STEPS%%,*}; ${script}`] }
  return runDriver(command, [3, 4, 5], { target, guard, restart: () => Promise.resolve() })
}

const report = (step: string, result: string, message = ''): string =>
  `echo '{"step": '${step}', "result": "${result}", "message": "'"${message}"'"}'`

describe("a driver's script", () => {
  it('reports a step a line, and may print other things', async () => {
    const script = `echo hello; ${report('3', 'ok')}; ${report('4', 'n/a', 'none')}; ${report('5', 'failed', 'no')}`
    assert.deepEqual(await outcomesOf(script), [
      { step: 3, result: 'ok', message: '' },
      { step: 4, result: 'n/a', message: 'none' },
      { step: 5, result: 'failed', message: 'no' },
    ])
  })

  it('that ends in a step has failed in it, and goes on behind it', async () => {
    const script = `[ $first = 5 ] && ${report('5', 'ok')}; [ $first = 3 ] && ${report('3', 'ok')} && echo 'some error' >&2 && exit 7`
    assert.deepEqual(await outcomesOf(script), [
      { step: 3, result: 'ok', message: '' },
      { step: 4, result: 'failed', message: 'the script ended (exit code 7): some error' },
      { step: 5, result: 'ok', message: '' },
    ])
  })

  it('that cannot begin has failed in all', async () => {
    const message = 'the script ended (exit code 2): no such driver'
    assert.deepEqual(
      await outcomesOf(`echo 'no such driver' >&2; exit 2`),
      [3, 4, 5].map((step) => ({ step, result: 'failed', message })),
    )
  })

  it('is answered what it asks', async () => {
    const ask = (what: string): string => `echo '{"ask": "${what}"}'; read -r answer`
    const script = `${ask('restart')}; ${report('3', 'failed', '$answer')}; ${ask('left')}; ${report('4', 'failed', '$answer')}; ${report('5', 'ok')}`
    const messages = (await outcomesOf(script, 'sv_active 1')).map(({ message }) => message)
    assert.deepEqual(messages, ['done', 'sv_active 1', ''])
  })
})
