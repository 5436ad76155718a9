import { it } from 'node:test'

it('passes but leaves an exit code', () => {
  process.once('exit', () => {
    process.exitCode = 3
  })
})
