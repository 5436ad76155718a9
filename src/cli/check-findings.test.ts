import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspectConfig } from '../config/parse-config.ts'
import { reader } from '../../test/support/parse-ini.ts'
import { findingLines, findingsOf, isWrong } from './check-findings.ts'

const scram = `SCRAM-SHA-256$4096:c2FsdA==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`
const users = `"ann" "${scram}"`
const md5User = `"ann" "md5${'0'.repeat(32)}"`
const quiet = '[pgbouncer]\nauth_file = users\nauth_type = scram-sha-256\npool_mode = transaction\n'

interface Case {
  readonly ini: string
  readonly users?: string
  readonly modes?: Readonly<Record<string, number>>
  readonly descriptorLimit?: number
}

function check(given: Case) {
  const read = reader({ 'main.ini': given.ini, users: given.users ?? users })
  const modes: Readonly<Record<string, number>> = { users: 0o640, 'main.ini': 0o644, ...given.modes }
  return findingsOf('main.ini', inspectConfig('main.ini', read), {
    descriptorLimit: given.descriptorLimit ?? Infinity,
    modeOf: (path) => modes[path],
  })
}

function lines(given: Case): string[] {
  return findingLines(check(given)).split('\n').slice(0, -1)
}

describe('the findings of a check', () => {
  it('are none for a file that is safe', () => {
    const tls = 'server_tls_sslmode = verify-full\nserver_tls_ca_file = ca'
    assert.deepEqual(lines({ ini: `${quiet}${tls}\n[databases]\na = host=db.example`, modes: { ca: 0o644 } }), [])
    assert.deepEqual(lines({ ini: `${quiet}listen_addr = 127.0.0.1, ::1\n[databases]\na = host=localhost\nb =` }), [])
  })

  it('are all errors, in order, where something is wrong, and nothing else', () => {
    const findings = check({ ini: `[pgbouncer]\nverbose = 9\nauth_type = trust\nlisten_addr = *\n\nfoo = 1` })
    assert.equal(
      findingLines(findings),
      'main.ini:2: error: verbose: 9 is out of range; allowed: 0 to 3\nmain.ini:6: error: foo: unknown setting\n',
    )
    assert.ok(isWrong(findings))
  })

  it('name a file as a whole where no line is meant', () => {
    assert.deepEqual(lines({ ini: '[databases]\na =' }), ['main.ini: error: the section [pgbouncer] is missing'])
  })

  const warnings: Record<string, readonly [given: Case, ...expected: string[]]> = {
    'more descriptors than there are': [
      { ini: `${quiet}max_client_conn = 1000\n[databases]\na = pool_size=5`, descriptorLimit: 256 },
      'main.ini:5: error: max_client_conn: needs 1,000 clients + 5 servers + 5 cancels + 48 others = 1,058 file ' +
        'descriptors, the limit is 256: raise it (ulimit -n) or lower max_client_conn or the pool sizes',
    ],
    'more servers than PostgreSQL usually has': [
      { ini: `${quiet}[databases]\na = pool_size=60\nb = pool_size=60\nc = host=::1 pool_size=90` },
      'main.ini:7: warning: [databases] b: up to 120 servers at /tmp/.s.PGSQL.5432, all databases and known users ' +
        "together; PostgreSQL's max_connections is 100 unless it was raised",
    ],
    'session mode with many clients for each server': [
      { ini: `${quiet}pool_mode = session\nmax_client_conn = 1000\n[databases]\na =` },
      'main.ini:8: warning: [databases] a: in session mode a client keeps its server until it leaves: 20 of up to 1,000 ' +
        'clients are served, the others wait',
    ],
    'pools that other limits keep small': [
      {
        ini:
          `${quiet}max_db_connections = 10\n[databases]\na = pool_size=11\nb = pool_size=10 max_db_connections=9\n` +
          'c = host=::1 pool_size=0 max_db_connections=20\nd = user=ann pool_size=9\ne = pool_size=9\n' +
          '[users]\nann = max_user_connections=8\nbob = pool_size=11',
        users: md5User,
      },
      'main.ini:3: warning: auth_type: "ann" cannot log in: md5 secrets',
      'main.ini:7: warning: [databases] a: a pool can never have its 11 servers: max_db_connections is 10',
      'main.ini:8: warning: [databases] b: a pool can never have its 10 servers: max_db_connections is 9',
      'main.ini:10: warning: [databases] d: the pool of "ann" can never have its 9 servers: max_user_connections is 8',
      'main.ini:11: warning: [databases] e: the pool of "bob" can never have its 11 servers: max_db_connections is 10',
    ],
    'a wait for ever': [
      { ini: `${quiet}query_wait_timeout = 0` },
      'main.ini:5: warning: query_wait_timeout: 0: clients wait for ever, and nobody is told that servers are missing',
    ],
    'a reset after every transaction': [
      { ini: `${quiet}server_reset_query_always = 1` },
      'main.ini:5: warning: server_reset_query_always: runs server_reset_query after every transaction',
      'main.ini:5: note',
    ],
    'trust for whoever reaches the port': [
      { ini: `${quiet}auth_type = trust\nlisten_addr = 127.0.0.1, 10.0.0.1, *` },
      'main.ini:5: warning: auth_type: trust on 10.0.0.1, *: whoever reaches the port is let in',
      'main.ini:1: warning: client_tls_sslmode: disable on 10.0.0.1, *: what clients send goes in the clear',
    ],
    'TLS that clients may go without': [
      {
        ini: `${quiet}client_tls_sslmode = prefer\nclient_tls_key_file = key\nclient_tls_cert_file = cert`,
        modes: { key: 0o600, cert: 0o644 },
      },
      'main.ini:5: warning: client_tls_sslmode: prefer lets clients go without TLS',
    ],
    'passwords in the clear': [
      { ini: `${quiet}auth_type = plain` },
      'main.ini:5: warning: auth_type: plain without client_tls_sslmode = require: passwords go in the clear',
    ],
    'nobody who could log in': [
      { ini: '[pgbouncer]' },
      'main.ini:1: warning: auth_file: not set, nor is auth_user: nobody can log in',
    ],
    'an admin who cannot log in': [
      { ini: `${quiet}admin_users = ann, root` },
      'main.ini:5: warning: admin_users: "root" is not in auth_file and cannot log in',
    ],
    'users whose secret does not fit': [
      { ini: quiet, users: md5User },
      'main.ini:3: warning: auth_type: "ann" cannot log in: md5 secrets',
    ],
    'a remote server that may be anybody': [
      { ini: `${quiet}[databases]\na = host=db.example\nb =` },
      'main.ini:1: warning: server_tls_sslmode: prefer may go in the clear, and does not check who answers, at the ' +
        'remote hosts of "a"',
    ],
    'a remote server that is not checked': [
      { ini: `${quiet}server_tls_sslmode = require\n[databases]\na = host=10.0.0.1` },
      'main.ini:5: warning: server_tls_sslmode: require does not check who answers, at the remote hosts of "a"',
    ],
    'forced users who have no password': [
      {
        ini: `${quiet}[databases]\na = user=u\nb = user=bob\nc = user=ann`,
        users: `${md5User}\n"bob" ""`,
      },
      'main.ini:3: warning: auth_type: "ann" cannot log in: md5 secrets',
      'main.ini:6: warning: [databases] a: user: "u" has no password, here or in auth_file: PostgreSQL must let it in ' +
        'without one',
      'main.ini:7: warning: [databases] b: user: "bob" has no password, here or in auth_file: PostgreSQL must let it in ' +
        'without one',
    ],
    'a password in a file that everybody can read': [
      { ini: `${quiet}[databases]\na = user=u password=canary` },
      'main.ini: warning: has passwords, and can be read by every user of the system (mode 0644): chmod o-r',
      'main.ini:6: warning: [databases] a: password: a plain password stands in this file',
    ],
    'plain secrets, and that everybody can read them': [
      { ini: quiet, users: '"a" "canary1"\n"b" "canary2"\n"c" "canary3"\n"d" "canary4"', modes: { users: 0o100644 } },
      'main.ini:2: warning: auth_file: "a", "b", "c" and 1 more have a plain secret there',
      'main.ini:2: warning: auth_file: users can be read by every user of the system (mode 0644): chmod o-r',
    ],
    'a private key that everybody can read': [
      {
        ini: `${quiet}server_tls_key_file = key\nserver_tls_cert_file = cert`,
        modes: { key: 0o604, cert: 0o644 },
      },
      'main.ini:5: warning: server_tls_key_file: key can be read by every user of the system (mode 0604): chmod o-r',
    ],
    'a file that is missing': [
      { ini: `${quiet}server_tls_ca_file = ca` },
      'main.ini:5: error: server_tls_ca_file: there is no file ca',
    ],
    'what has no effect here, where it is written': [
      { ini: `${quiet}pkt_buf = 8192` },
      'main.ini:5: note: pkt_buf: It has no effect: the runtime has buffers of its own.',
    ],
  }
  for (const [what, [given, ...expected]] of Object.entries(warnings)) {
    it(`tell of ${what}`, () => {
      const told = lines(given)
      assert.deepEqual(told.sort(), expected.filter((line) => line !== 'main.ini:5: note').sort())
      assert.equal(
        isWrong(check(given)),
        expected.some((line) => line.includes(': error: ')),
      )
    })
  }

  it('never repeat a secret', () => {
    for (const [given] of Object.values(warnings)) assert.doesNotMatch(lines(given).join('\n'), /canary|SHA-256\$/)
  })
})
