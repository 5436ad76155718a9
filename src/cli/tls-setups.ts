/** Reads the files that the TLS settings name, and makes of them what connections are encrypted with. */

import type { GlobalConfig } from '../config/config.ts'
import type { ReadFile } from '../config/read-ini.ts'
import { TaxirankError } from '../errors.ts'
import { type AcceptingTls, acceptingTls, type ConnectingTls, connectingTls, type TlsTexts } from '../net/tls.ts'
import type { ServerEncryption } from '../server/target.ts'

export interface TlsSetups {
  /** Undefined: clients are offered no encryption. */
  readonly accepting: AcceptingTls | undefined
  readonly connecting: ServerEncryption
  /** Differs when the settings for servers do; what is in the files doesn't count, as in PgBouncer. */
  readonly connectingId: string
}

/** Throws `bad_configuration`, naming the side that is wrong. */
export function readTlsSetups(global: GlobalConfig, readFile: ReadFile): TlsSetups {
  const server = [
    global.serverTlsSslmode,
    global.serverTlsCaFile,
    global.serverTlsCertFile,
    global.serverTlsKeyFile,
    global.serverTlsProtocols,
    global.serverTlsCiphers,
  ]
  return {
    accepting: about('client_tls', () => readAccepting(global, readFile)),
    connecting: about('server_tls', () => readConnecting(global, readFile)) ?? { mode: 'disable' },
    connectingId: JSON.stringify(server),
  }
}

function readAccepting(global: GlobalConfig, readFile: ReadFile): AcceptingTls | undefined {
  const mode = global.clientTlsSslmode
  if (mode === 'disable') return undefined
  const read = reader(readFile)
  const certificate = read('cert_file', global.clientTlsCertFile)
  const key = read('key_file', global.clientTlsKeyFile)
  const ca = read('ca_file', global.clientTlsCaFile)
  return acceptingTls({
    mode,
    certificate: certificate ?? '',
    key: key ?? '',
    ...(ca !== undefined && { ca }),
    ...words(global.clientTlsProtocols, global.clientTlsCiphers),
    ...(global.clientTlsEcdhcurve !== undefined && { ecdhCurve: global.clientTlsEcdhcurve }),
  })
}

function readConnecting(global: GlobalConfig, readFile: ReadFile): ConnectingTls | undefined {
  const mode = global.serverTlsSslmode
  if (mode === 'disable') return undefined
  const read = reader(readFile)
  const certificate = read('cert_file', global.serverTlsCertFile)
  const key = read('key_file', global.serverTlsKeyFile)
  const ca = read('ca_file', global.serverTlsCaFile)
  return connectingTls({
    mode,
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca }),
    ...words(global.serverTlsProtocols, global.serverTlsCiphers),
  })
}

function words(protocols: readonly string[], ciphers: string | undefined): Pick<TlsTexts, 'protocols' | 'ciphers'> {
  return { protocols: protocols.join(','), ...(ciphers !== undefined && { ciphers }) }
}

/** The text of a file that a setting names, if it names one. */
function reader(readFile: ReadFile): (what: string, path: string | undefined) => string | undefined {
  return (what, path) => {
    if (path === undefined) return undefined
    try {
      return readFile(path)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new TaxirankError('bad_configuration', `${what}: cannot read ${path}: ${reason}`, { cause })
    }
  }
}

function about<T>(side: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof TaxirankError)) throw error
    throw new TaxirankError('bad_configuration', `${side}: ${error.message}`, { cause: error.cause })
  }
}
