import type { Socket } from './socket.ts'
import type { TlsSession } from './tls-handshake.ts'

/** From where to where a connection goes, and how it is protected: for consoles and logs. */
export interface SocketWay {
  /** The peer's; `unix` on a unix socket. */
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
  /** Such as `TLSv1.3/TLS_AES_128_GCM_SHA256`; empty without TLS. */
  readonly tls: string
  /** The process at the other end of a unix socket; 0: not known. */
  readonly peerPid: number
}

export function wayOf(socket: Socket, session: TlsSession | undefined): SocketWay {
  return {
    address: socket.remoteAddress,
    port: socket.remotePort,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    tls: session ? `${session.protocol}/${session.cipher}` : '',
    peerPid: socket.peerCredentials?.pid ?? 0,
  }
}
