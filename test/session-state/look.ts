/** Making state and looking at it; neither ever throws, for a lost connection is an answer, too. */

import { RawClient } from '../support/raw-client.ts'
import { type Kind, shown } from './kind.ts'

export type Role = 'A' | 'B'

/** A makes the state, everybody else is a B. */
export function loginAs(role: Role, kind: Kind, port: number): Promise<RawClient> {
  const parameters = role === 'A' ? kind.parametersOfA : kind.parametersOfB
  return RawClient.login(port, { user: kind.user ?? 'app', ...parameters })
}

export async function make(client: RawClient, requests: readonly Buffer[]): Promise<string[]> {
  const answers: string[] = []
  try {
    for (const request of requests) answers.push(...(await client.ask(request)))
  } catch (error) {
    answers.push(lost(error))
  }
  return answers.filter((line) => !line.startsWith('S ') && !line.startsWith('N '))
}

export async function look(client: RawClient, { show }: Kind, outside: RawClient): Promise<string> {
  try {
    return typeof show === 'string' ? shown(await client.query(show)) : await show(client, outside)
  } catch (error) {
    return lost(error)
  }
}

function lost(error: unknown): string {
  return `lost: ${error instanceof Error ? error.message : String(error)}`
}
