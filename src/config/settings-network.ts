/** Rows of [pgbouncer]: what the kernel and the buffers are told. */

import { boolean, bytes, integer, milliseconds, secondsWhole } from './setting.ts'
import { most } from './settings-pools.ts'

export const network = {
  pkt_buf: bytes({
    default: 4096,
    min: 1,
    max: most,
    restartOnly: true,
    hasNoEffect: true,
    about: 'The size of the buffer of a connection.',
    differs: 'It has no effect: the runtime has buffers of its own.',
  }),
  max_packet_size: bytes({
    default: most,
    min: 1,
    max: most,
    restartOnly: true,
    about: 'The longest message that is let through.',
    differs: 'A change needs a restart.',
  }),
  sbuf_loopcnt: integer({
    default: 5,
    min: 0,
    max: most,
    hasNoEffect: true,
    about: 'How often a connection is read in one turn.',
    differs: 'It has no effect: every connection is read once a turn.',
  }),
  tcp_defer_accept: secondsWhole({
    default: 1,
    restartOnly: true,
    about: 'How long the kernel keeps a connection on which nothing has come; 0: it is accepted at once.',
    differs: 'A change needs a restart.',
  }),
  tcp_socket_buffer: bytes({
    default: 0,
    min: 0,
    max: most,
    restartOnly: true,
    about: "The size of the kernel's buffers of a connection; 0: the system's.",
    differs: 'A change needs a restart.',
  }),
  tcp_keepalive: boolean({ default: true, about: 'Ask silent peers whether they are still there.' }),
  tcp_keepcnt: integer({ default: 0, min: 0, max: 127, about: "How many probes stay unanswered; 0: the system's." }),
  tcp_keepidle: secondsWhole({
    default: 0,
    max: 32_767,
    about: "How long a peer is silent before it is asked; 0: the system's.",
  }),
  tcp_keepintvl: secondsWhole({ default: 0, max: 32_767, about: "The time between two probes; 0: the system's." }),
  tcp_user_timeout: milliseconds({
    default: 0,
    min: 0,
    max: most,
    about: "How long sent bytes may stay unacknowledged; 0: the system's.",
  }),
}
