import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni } from '../../test/support/parse-ini.ts'
import { settingRows } from './setting-rows.ts'

function rowsOf(text: string): ReadonlyMap<string, readonly [value: string, fallback: string, changeable: string]> {
  const rows = settingRows(parseIni(text))
  return new Map(rows.map((row) => [row.key, [row.value, row.default, row.changeable]]))
}

describe('settingRows', () => {
  it('shows each setting once, by name, with the 100 of PgBouncer among them', () => {
    const keys = settingRows(parseIni('[pgbouncer]')).map((row) => row.key)
    assert.deepEqual(keys, [...new Set(keys)].sort())
    assert.equal(keys.length, 100 + 9)
    for (const key of ['so_reuseport', 'peer_id', 'syslog', 'job_name', 'conffile']) assert.ok(keys.includes(key), key)
    assert.ok(!keys.includes('service_name'))
  })

  it('shows values as PgBouncer prints them', () => {
    const rows = rowsOf(`[pgbouncer]
      query_wait_timeout = 0.25
      server_login_retry = 1e1
      stats_period = 0x10
      tcp_user_timeout = 1500
      unix_socket_mode = 0700
      unix_socket_dir =
      listen_addr = 127.0.0.1, ::1
      pool_mode = Transaction
      log_connections = 0
      client_tls_protocols = tlsv1.3,tlsv1.2
      server_tls_protocols = tlsv1.3`)
    assert.deepEqual(rows.get('query_wait_timeout'), ['0.25', '120', 'yes'])
    assert.deepEqual(rows.get('server_login_retry'), ['10', '15', 'yes'])
    assert.deepEqual(rows.get('stats_period'), ['16', '60', 'yes'])
    assert.deepEqual(rows.get('tcp_user_timeout'), ['1500', '0', 'yes'])
    assert.deepEqual(rows.get('unix_socket_mode'), ['448', '0777', 'no'])
    assert.deepEqual(rows.get('unix_socket_dir'), ['', '/tmp', 'no'])
    assert.deepEqual(rows.get('listen_addr'), ['127.0.0.1,::1', '', 'no'])
    assert.deepEqual(rows.get('pool_mode'), ['transaction', 'session', 'yes'])
    assert.deepEqual(rows.get('log_connections'), ['0', '1', 'yes'])
    assert.deepEqual(rows.get('client_tls_protocols'), ['secure', 'secure', 'yes'])
    assert.deepEqual(rows.get('server_tls_protocols'), ['tlsv1.3', 'secure', 'yes'])
    assert.deepEqual(rows.get('so_reuseport'), ['0', '0', 'no'])
    assert.deepEqual(rows.get('http_port'), ['', '', 'no'])
    assert.deepEqual(rows.get('conffile'), ['main.ini', '', 'yes'])
  })
})
