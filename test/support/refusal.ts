import assert from 'node:assert/strict'

/** The message of the error that `act` throws. */
export function refusalOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof Error)
    return error.message
  }
  throw new Error('accepted')
}
