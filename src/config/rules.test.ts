import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseIni, refusalOf } from '../../test/support/parse-ini.ts'

const scram = `SCRAM-SHA-256$4096:c2FsdA==$${'A'.repeat(43)}=:${'A'.repeat(43)}=`
const userlist = `"plain" "secret"\n"md5" "md5${'0'.repeat(32)}"\n"scram" "${scram}"\n"none" ""\n`

function files(text: string): Record<string, string> {
  return { 'main.ini': text, users: userlist }
}

const head = '[pgbouncer]\nauth_file = users\n'
const forced =
  'has a SCRAM secret in auth_file, with which nobody can log in: a forced user needs a plain secret there, or password='
const lookup = 'has a SCRAM secret in auth_file, with which nobody can log in: it needs a plain secret there'

describe('the rules between settings', () => {
  const refused: Record<string, readonly [text: string, problem: string]> = {
    'nothing to listen on': [
      '[pgbouncer]\n\nunix_socket_dir =',
      '1: listen_addr: empty, as unix_socket_dir is: there is nothing to listen on; for example listen_addr = 127.0.0.1',
    ],
    'auth_type = any with a database that forces no user': [
      '[databases]\na = host=x user=u\nb = host=x\n[pgbouncer]\nauth_type = any',
      '3: [databases] b: user: not set, and auth_type = any needs it: nobody proves who they are',
    ],
    'auth_type = any with a template that forces no user': [
      '[pgbouncer]\nauth_type = any\n[databases]\n* = host=x',
      '4: [databases] *: user: not set, and auth_type = any needs it: nobody proves who they are',
    ],
    'a forced user with a SCRAM secret': [
      `${head}[databases]\na = user=scram`,
      `4: [databases] a: user: "scram" ${forced}`,
    ],
    'an auth_user with a SCRAM secret': [`${head}auth_user = scram`, `3: auth_user: "scram" ${lookup}`],
    "a database's auth_user with a SCRAM secret": [
      `${head}[databases]\na = auth_user=scram`,
      `4: [databases] a: auth_user: "scram" ${lookup}`,
    ],
    'an auth_query that nobody runs': [
      `${head}auth_query = SELECT 1`,
      '3: auth_query: set, but auth_user is not: say who runs the query',
    ],
    "a database's auth_query that nobody runs": [
      `${head}[databases]\na = auth_query='SELECT 1'`,
      '4: [databases] a: auth_query: set, but auth_user is not: say who runs the query',
    ],
    'TLS for clients without a key': [
      `${head}client_tls_sslmode = allow\nclient_tls_cert_file = c`,
      '3: client_tls_key_file: not set, and client_tls_sslmode needs it',
    ],
    'TLS for clients without a certificate': [
      `${head}client_tls_sslmode = require\nclient_tls_key_file = c`,
      '3: client_tls_cert_file: not set, and client_tls_sslmode needs it',
    ],
    'clients that are verified by nothing': [
      `${head}client_tls_sslmode = verify-ca\nclient_tls_key_file = k\nclient_tls_cert_file = c`,
      '3: client_tls_ca_file: not set, and client_tls_sslmode needs it',
    ],
    'servers that are verified by nothing': [
      `${head}server_tls_sslmode = verify-full`,
      '3: server_tls_ca_file: not set, and server_tls_sslmode needs it',
    ],
    'a key for servers without a certificate': [
      `${head}server_tls_key_file = k`,
      '3: server_tls_cert_file: not set, and server_tls_key_file needs it',
    ],
    'a certificate for servers without a key': [
      `${head}server_tls_cert_file = k`,
      '3: server_tls_key_file: not set, and server_tls_cert_file needs it',
    ],
    'more servers kept than a pool may have': [
      `${head}min_pool_size = 21`,
      '3: min_pool_size: 21 is more than default_pool_size, which is 20',
    ],
    'more servers kept than a pool may have, by its size': [
      `${head}default_pool_size = 5\nmin_pool_size = 6`,
      '4: min_pool_size: 6 is more than default_pool_size, which is 5',
    ],
    'more servers kept than the pool of a database may have': [
      `${head}[databases]\na = pool_size=2 min_pool_size=3`,
      '4: [databases] a: min_pool_size: 3 is more than the pool size, which is 2',
    ],
    'more servers kept than the pool of a forced user may have': [
      `${head}[databases]\na = min_pool_size=3 user=plain\n[users]\nplain = pool_size=1`,
      '4: [databases] a: min_pool_size: 3 is more than the pool size, which is 1',
    ],
    'a database without a host and without a directory of sockets': [
      `${head}unix_socket_dir =\nlisten_addr = *\n[databases]\na = port=1`,
      '6: [databases] a: host: not set, and unix_socket_dir is empty: say where PostgreSQL is',
    ],
  }
  for (const [what, [text, problem]] of Object.entries(refused)) {
    it(`refuse ${what}`, () => assert.equal(refusalOf(files(text)), `main.ini:${problem}`))
  }

  const accepted: Record<string, string> = {
    'a forced user with a plain secret': `${head}[databases]\na = user=plain`,
    'a forced user with an md5 secret': `${head}[databases]\na = user=md5`,
    'a forced user without a secret, whom PostgreSQL may trust': `${head}[databases]\na = user=none\nb = user=nobody`,
    'a forced user with a password of the database': `${head}[databases]\na = user=scram password=p`,
    'auth_type = any where every database forces a user': `${head}auth_type = any\n[databases]\na = user=plain`,
    'an auth_user with a plain secret, or none': `${head}auth_user = plain\n[databases]\na = auth_user=nobody`,
    'an auth_query of [pgbouncer] for the auth_user of a database': `${head}auth_query = Q\n[databases]\na = auth_user=plain`,
    'an auth_query that is switched off': `${head}auth_query =`,
    'TLS for clients with everything': `${head}client_tls_sslmode = verify-full\nclient_tls_key_file = k
      client_tls_cert_file = c\nclient_tls_ca_file = a`,
    'a key and a certificate for servers': `${head}server_tls_key_file = k\nserver_tls_cert_file = c`,
    'a minimum in an unlimited pool': `${head}default_pool_size = 0\nmin_pool_size = 50`,
    'a general minimum above the size of one database': `${head}min_pool_size = 5\n[databases]\na = pool_size=2`,
    'a unix socket only, a TCP socket only': `${head}unix_socket_dir =\nlisten_addr = *\n[databases]\na = host=x`,
  }
  for (const [what, text] of Object.entries(accepted)) it(`accept ${what}`, () => void parseIni(files(text)))

  it('never repeat a secret', () => {
    for (const [text] of Object.values(refused)) assert.doesNotMatch(refusalOf(files(text)), /secret"|SHA-256\$/)
  })
})
