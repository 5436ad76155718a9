/** Rows of [pgbouncer]: TLS towards clients and towards servers. */

import { choice, text } from './setting.ts'
import type { Parsed, Setting } from './setting.ts'

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

const versions = ['tlsv1.0', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3'] as const
export type TlsVersion = (typeof versions)[number]
const secure: readonly TlsVersion[] = Object.freeze(['tlsv1.2', 'tlsv1.3'] as const)
const named: ReadonlyMap<string, readonly TlsVersion[]> = new Map([
  ['secure', secure],
  ['default', secure],
  ['all', versions],
  ['legacy', versions],
  ['tlsv1', versions],
])
const protocolRange = `secure, all, or some of ${versions.join(', ')} without a gap`

/** The versions from the lowest to the highest. */
function protocols(about: string): Setting<readonly TlsVersion[]> {
  return {
    ...text({ about, default: 'secure', range: protocolRange }),
    default: secure,
    parse: parseProtocols,
    show: (chosen) => [...named].find(([, all]) => all.join() === chosen.join())?.[0] ?? chosen.join(','),
  }
}

function parseProtocols(value: string): Parsed<readonly TlsVersion[]> {
  const words = value
    .toLowerCase()
    .split(/[,:\s]+/)
    .filter((word) => word !== '')
  const chosen = new Set<string>(words.flatMap((word): readonly string[] => named.get(word) ?? [word]))
  const known = versions.filter((version) => chosen.delete(version))
  const stray = [...chosen][0]
  if (stray !== undefined) return { ok: false, problem: `"${stray}" is unknown; allowed: ${protocolRange}` }
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined) return { ok: false, problem: `none named; allowed: ${protocolRange}` }
  const isWithoutGap = versions.indexOf(last) - versions.indexOf(first) === known.length - 1
  if (!isWithoutGap) return { ok: false, problem: `${known.join(',')} has a gap; allowed: ${protocolRange}` }
  return { ok: true, value: Object.freeze(known) }
}

const tls13Ciphers = {
  range: 'empty',
  problemOf: () => 'this runtime cannot choose the ciphers of TLS 1.3; allowed: empty',
  about: 'The ciphers of TLS 1.3.',
  narrower: 'Only empty is accepted: this runtime chooses them itself.',
}
const ciphers = {
  default: 'default',
  range: 'default, secure, normal, fast, or a list of ciphers as OpenSSL writes it',
  about: 'The ciphers up to TLS 1.2.',
  differs: "normal and fast mean default, which is the runtime's own list.",
}
const file = (what: string) => text({ range: 'a file name', about: `The file of ${what}.` })

export const tls = {
  client_tls_sslmode: choice({
    default: 'disable',
    words: modes,
    about: 'Whether clients may, or must, use TLS, and show a certificate.',
  }),
  client_tls_key_file: file('the private key that clients are shown a certificate of'),
  client_tls_cert_file: file('the certificate that clients are shown'),
  client_tls_ca_file: file("the CA certificates for clients' certificates"),
  client_tls_protocols: protocols('The versions of TLS for clients.'),
  client_tls_ciphers: text(ciphers),
  client_tls13_ciphers: text(tls13Ciphers),
  client_tls_ecdhcurve: text({
    default: 'auto',
    range: 'auto, none, or names of curves separated by colons',
    about: 'The curves for the key exchange.',
    differs: 'none means auto: TLS without curves has nothing left to agree on here.',
  }),
  client_tls_dheparams: choice({
    default: 'auto',
    words: ['auto', 'none'],
    unsupported: ['legacy'],
    hasNoEffect: true,
    about: 'The parameters of the DHE key exchange.',
    differs: 'It has no effect: this runtime has no DHE ciphers.',
    narrower: 'legacy is refused.',
  }),
  server_tls_sslmode: choice({
    default: 'prefer',
    words: modes,
    about: 'Whether servers may, or must, use TLS, and how their certificate is checked.',
  }),
  server_tls_ca_file: file("the CA certificates for servers' certificates"),
  server_tls_key_file: file('the private key to log in to servers with'),
  server_tls_cert_file: file('the certificate to log in to servers with'),
  server_tls_protocols: protocols('The versions of TLS for servers.'),
  server_tls_ciphers: text(ciphers),
  server_tls13_ciphers: text(tls13Ciphers),
}
