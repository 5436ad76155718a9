/** Rows of [pgbouncer]: where clients are accepted, and what the process is. */

import { boolean, integer, list, seconds, text } from './setting.ts'
import { socketDirectoryProblem } from './socket-path.ts'

export const anyPort = { min: 1, max: 65_535 }

export const listening = {
  listen_addr: list({
    range: 'addresses or host names separated by commas, * for all; empty: unix socket only',
    restartOnly: true,
    about: 'The addresses to listen on.',
  }),
  listen_port: integer({
    default: 6432,
    ...anyPort,
    restartOnly: true,
    about: 'The TCP port to listen on, also in the name of the unix socket.',
  }),
  listen_backlog: integer({
    default: 128,
    ...anyPort,
    restartOnly: true,
    about: 'How many connections the kernel queues before they are accepted.',
  }),
  unix_socket_dir: text({
    default: '/tmp',
    range: 'an absolute path, @NAME for the abstract namespace; empty: no unix socket',
    restartOnly: true,
    problemOf: socketDirectoryProblem,
    about: 'The directory of the unix socket to listen on, and of those of databases without a host.',
  }),
  unix_socket_mode: integer({
    default: 0o777,
    defaultText: '0777',
    min: 0,
    max: 0o777,
    range: '0 to 0777, with the leading 0 that makes it octal',
    restartOnly: true,
    about: "The unix socket's file mode.",
  }),
  unix_socket_group: text({ range: 'a group name or id', restartOnly: true, about: "The unix socket's file group." }),
  max_client_conn: integer({
    default: 100,
    min: 1,
    max: 1_000_000,
    about: 'How many clients may be connected, those of the console not counted.',
  }),
  client_login_timeout: seconds({ default: 60, about: "How long a client's login may take; 0: for ever." }),
  disable_pqexec: boolean({ default: false, restartOnly: true, about: 'Refuse the simple query protocol.' }),
  user: text({ range: 'a user name', restartOnly: true, about: 'The OS user to become after start.' }),
  pidfile: text({
    range: 'a file name',
    restartOnly: true,
    about: 'The file the process id is written to; -d needs it.',
  }),
  conffile: text({
    range: 'a file name; empty: the one of the command line',
    about: 'The configuration file that the next reload reads.',
  }),
}
