import { show } from './command.ts'
import { allClients, clientRow, connectionColumns } from './connection-rows.ts'

/** One row a client that has logged in, the console's own among them. */
export const showClients = show('CLIENTS', connectionColumns, (around) =>
  allClients(around)
    .filter(({ state }) => state !== 'login')
    .map((client) => clientRow(client)),
)
