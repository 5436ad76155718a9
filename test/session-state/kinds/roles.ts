/** Who the session is. */

import { type Kind, themed } from '../kind.ts'

const ofApp = { show: 'select current_user', fresh: 'app' }

export const roles: readonly Kind[] = [
  ...themed(ofApp, {
    'SET ROLE': ['set role app_other'],
    'SET LOCAL ROLE': ['set local role app_other'],
    'SET ROLE, then RESET': ['set role app_other', 'reset role'],
    'SET ROLE, then RESET ALL': ['set role app_other', 'reset all'],
    'set_config of role': [`select set_config('role', 'app_other', false)`],
  }),
  ...themed(
    { show: 'select current_user', fresh: 'postgres' },
    {
      'SET ROLE by a superuser': ['set role app'],
      'SET SESSION AUTHORIZATION': ['set session authorization app'],
      'SET SESSION AUTHORIZATION, then RESET': ['set session authorization app', 'reset session authorization'],
    },
  ).map((kind): Kind => ({ ...kind, user: 'postgres' })),
]

export const roleInside: readonly Kind[] = themed(ofApp, { 'SET ROLE in a function': ['select matrix_role()'] })
