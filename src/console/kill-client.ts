import { type Command, refused } from './command.ts'

/** Closes one client, by its id in SHOW CLIENTS. */
export const killClient: Command = {
  name: 'KILL_CLIENT',
  role: 'admin',
  argument: { name: '<client_id>', isRequired: true },
  run: ({ verbs, console }, argument = '') => {
    const id = /^\d{1,15}$/.test(argument) ? Number(argument) : undefined
    if (id === undefined) throw refused(`"${argument}" is no client id: see the column id of SHOW CLIENTS`)
    if (!verbs.killClient(id) && !console.killClient(id)) throw refused(`client not found: ${id}`)
    return { tag: 'KILL_CLIENT' }
  },
}
