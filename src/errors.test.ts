import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from './errors.ts'

describe('TaxirankError', () => {
  it('carries what the catalogue says of its code', () => {
    const error = new TaxirankError('acquire_timeout', 'no server became free')
    const { name, code, message, sqlState, severity, retryable, cause } = error
    assert.deepEqual(
      { name, code, message, sqlState, severity, retryable, cause },
      {
        name: 'TaxirankError',
        code: 'acquire_timeout',
        message: 'no server became free',
        sqlState: '53300',
        severity: 'FATAL',
        retryable: true,
        cause: undefined,
      },
    )
    assert.ok(error instanceof Error && !Object.hasOwn(error, 'cause'))
  })

  it('leaves the connection open after an ERROR, as for a cancel', () => {
    const { sqlState, severity } = new TaxirankError('query_canceled', 'canceled')
    assert.deepEqual({ sqlState, severity }, { sqlState: '57014', severity: 'ERROR' })
  })

  it('is not retryable when what was sent may have run', () => {
    assert.equal(new TaxirankError('server_lost', 'gone').retryable, false)
  })

  it('names its cause, and another SQLSTATE where PostgreSQL has given one', () => {
    const cause = new Error('because')
    const error = new TaxirankError('server_connect_failed', 'refused', { cause, sqlState: '28P01' })
    assert.deepEqual([error.cause, error.sqlState, error.code], [cause, '28P01', 'server_connect_failed'])
  })
})
