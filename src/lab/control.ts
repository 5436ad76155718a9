/** The lab's own connection, which no experiment fills. */

import { Client } from 'pg'
import { TaxirankError } from '../errors.ts'
import { applicationName, type Target } from './target.ts'

const loginLimitMs = 10_000
const answerLimitMs = 60_000
/** A role's own, in one statement that the shortest of them lets through. */
const withoutLimits = `select set_config(name, '0', false) from pg_settings where name in
  ('statement_timeout', 'lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

/** Rejects with `server_connect_failed`, and with the signal's reason. Whoever asks ends it. */
export async function connectControl(target: Target, signal?: AbortSignal): Promise<Client> {
  signal?.throwIfAborted()
  const { host, port, user, password = '', database, ssl, address } = target
  const client = new Client({
    host,
    port,
    user,
    password,
    database,
    ...(ssl !== undefined && { ssl }),
    application_name: applicationName,
    connectionTimeoutMillis: loginLimitMs,
    query_timeout: answerLimitMs,
  })
  const cut = (): void => void client.connection.stream.destroy()
  signal?.addEventListener('abort', cut)
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(withoutLimits)
    return client
  } catch (cause) {
    cut()
    signal?.throwIfAborted()
    throw new TaxirankError('server_connect_failed', `cannot connect to ${address}: ${reasonOf(cause)}`, { cause })
  } finally {
    signal?.removeEventListener('abort', cut)
  }
}

/** An error of several addresses has no message of its own. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  if (/password must be a (non-empty )?string/.test(error.message))
    return 'a password is asked for: give it in the address, or as PGPASSWORD'
  return error.message || error.name
}
