/** Rows of [pgbouncer]: how long things may take, and when servers are checked, reset and closed. */

import { boolean, seconds, secondsWhole, text } from './setting.ts'

export const servers = {
  server_reset_query: text({
    default: 'DISCARD ALL',
    range: 'SQL; empty: none',
    about: 'What a server runs when a session ends, before it is lent again.',
    differs: 'A server on which it fails is closed.',
  }),
  server_reset_query_always: boolean({ default: false, about: 'Run server_reset_query in every mode.' }),
  server_check_query: text({
    default: '<empty>',
    range: 'SQL, <empty> for an empty query; empty: no check',
    about: 'What asks a server that has been idle whether it is alive.',
    differs: 'A server on which it fails is closed, and so is one that does not answer in time.',
  }),
  server_check_delay: seconds({ default: 30, about: 'How long a server is idle before it is checked; 0: always.' }),
  server_fast_close: boolean({
    default: false,
    about: 'In session mode, close a server that has to go as soon as no transaction is open.',
  }),
  server_lifetime: seconds({
    default: 3600,
    about: 'How old a server gets before it is closed, once it is idle; 0: it is used once.',
  }),
  server_idle_timeout: seconds({ default: 600, about: 'How long a server may be idle; 0: for ever.' }),
  server_connect_timeout: seconds({ default: 15, about: 'How long connecting and logging in may take.' }),
  server_login_retry: seconds({
    default: 15,
    about: 'The longest pause after a failed connect or login.',
    differs: 'The first pause is 100 ms; each is twice as long as the one before, up to this.',
  }),
  autodb_idle_timeout: seconds({
    default: 3600,
    about: 'How long a database that * made is kept without clients and servers; 0: for ever.',
  }),
  pool_idle_timeout: seconds({
    default: 0,
    about: 'How long a pool is kept without clients and servers; 0: for ever.',
  }),
  dns_max_ttl: seconds({ default: 15, about: 'How long an address that was looked up is used.' }),
  dns_nxdomain_ttl: seconds({ default: 15, about: 'How long a name that was not found is not asked for again.' }),
  resolv_conf: text({
    range: 'empty',
    restartOnly: true,
    problemOf: () => "the system's resolver is used, which reads its own; allowed: empty",
    about: 'A resolv.conf of its own.',
    narrower: "Only empty is accepted: the system's resolver has no such option.",
  }),
}

export const timeouts = {
  query_timeout: seconds({ default: 0, about: 'How long a query may take; 0: for ever.' }),
  query_wait_timeout: seconds({ default: 120, about: 'How long a client waits for a server; 0: for ever.' }),
  query_wait_notify: secondsWhole({
    default: 5,
    about: 'After how long a client that waits for a server is told so, by a notice; 0: never.',
  }),
  cancel_wait_timeout: seconds({ default: 10, about: 'How long a cancel request may wait; 0: for ever.' }),
  client_idle_timeout: seconds({ default: 0, about: 'How long a client may be idle; 0: for ever.' }),
  idle_transaction_timeout: seconds({
    default: 0,
    about: 'How long a client may be idle in a transaction; 0: for ever.',
  }),
  transaction_timeout: seconds({ default: 0, about: 'How long a transaction may take; 0: for ever.' }),
  suspend_timeout: seconds({ default: 10, about: 'How long SUSPEND waits before it closes what is not at rest.' }),
}
