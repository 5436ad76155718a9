/** What a caller wants its session to begin with, and what it must see there. */

import type { Random } from '../../../src/random.ts'

export interface Wants {
  readonly text: string | undefined
  /** `app.tenant` and the role, as PostgreSQL must show them. */
  readonly tenant: string
  readonly role: string
  /** What the caller is told where the text fails, or the function throws: then nothing of the caller's may run. */
  readonly failure?: RegExp
}

export const owner = 'postgres'
export const roles = ['tenant_one', 'tenant_two', 'tenant_three']
const shareThatWantsNothing = 0.3
const shareThatFails = 0.08

/** `isUndone`: the pool's reset undoes everything, so a text need not set what others have set. */
export function drawWants(random: Random, token: string, isUndone: boolean): Wants {
  if (random.chance(shareThatWantsNothing)) {
    return { text: random.pick([undefined, '']), tenant: '', role: owner }
  }
  const setTenant = `SET app.tenant = '${token}'`
  if (random.chance(shareThatFails)) return { ...random.pick(failing(setTenant)), tenant: token, role: owner }
  const role = random.chance(0.4) ? random.pick(roles) : owner
  const setRole = role === owner ? (isUndone ? '' : 'SET ROLE NONE; ') : `SET ROLE ${role}; `
  const set = random.pick([
    setTenant,
    setTenant,
    `${setTenant} -- the tenant`,
    `select set_config('app.tenant', '${token}', false)`,
    `${setTenant};`,
  ])
  return { text: setRole + set, tenant: token, role }
}

/** The function that is `sessionSetup` throws. */
export const thrown = 'throw'

function failing(setTenant: string): { text: string; failure: RegExp }[] {
  return [
    { text: 'SET ROLE nobody_of_that_name', failure: / 22023 / },
    { text: `${setTenant}; select 1/0`, failure: / 22012 / },
    { text: `select 1/0; ${setTenant}`, failure: / 22012 / },
    { text: "SET app.tenant = 'o'b'", failure: / 42601 / },
    { text: `${setTenant} /* and`, failure: / 42601 / },
    { text: 'copy entry (id) from stdin', failure: /COPY/ },
    { text: thrown, failure: /who is asking/ },
  ]
}
