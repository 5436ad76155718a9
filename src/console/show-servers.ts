import { show } from './command.ts'
import { connectionColumns, serverRow } from './connection-rows.ts'

/** One row a server, also those that are being opened. */
export const showServers = show('SERVERS', connectionColumns, ({ figures }) =>
  figures.servers().map((server) => serverRow(server)),
)
