/** All kinds of session state, by theme. */

import { invisible, type Kind } from './kind.ts'
import * as objects from './kinds/objects.ts'
import * as others from './kinds/others.ts'
import * as parameters from './kinds/parameters.ts'
import { roleInside, roles } from './kinds/roles.ts'

export interface Theme {
  readonly name: string
  readonly kinds: readonly Kind[]
}

export const themes: readonly Theme[] = [
  { name: 'parameters that PostgreSQL reports', kinds: parameters.reported },
  { name: 'parameters in the startup packet', kinds: [...parameters.fromStartup, ...parameters.overAnother] },
  { name: 'parameters that it does not report', kinds: parameters.unreported },
  { name: 'parameters of one’s own', kinds: [...parameters.custom, ...invisible(...parameters.customInside)] },
  { name: 'roles', kinds: [...roles, ...invisible(...roleInside)] },
  { name: 'temporary objects', kinds: [...objects.temporary, ...invisible(...objects.temporaryInside)] },
  { name: 'cursors', kinds: [...objects.cursors, ...invisible(...objects.cursorInside)] },
  { name: 'prepared statements', kinds: [...objects.statements, ...invisible(...objects.statementInside)] },
  { name: 'advisory locks', kinds: [...others.advisory, ...invisible(...others.advisoryInside)] },
  { name: 'notifications', kinds: [...others.listening, ...invisible(...others.listeningInside)] },
  { name: 'sequences', kinds: others.sequences },
  { name: 'what DISCARD ALL leaves', kinds: [...others.lasting, ...invisible(...others.seedInside)] },
  { name: 'large objects', kinds: others.largeObjects },
]

export const allKinds: readonly Kind[] = themes.flatMap(({ kinds }) => kinds)
