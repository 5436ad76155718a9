/** The scenes of a cell: A makes the state, and B gets the server that A used, beside A and after A has left. */

import type { RawClient } from '../support/raw-client.ts'
import type { Ground } from './ground.ts'
import type { Kind } from './kind.ts'
import { look, loginAs, make, type Role } from './look.ts'
import type { Played, Reference, Sight } from './played.ts'
import type { Stage } from './stage.ts'

type Scene = (stage: Stage, kind: Kind, requests: readonly Buffer[]) => Promise<Played>

/** Both scenes, each on servers of its own. */
export async function play(stage: Stage, kind: Kind, requests: readonly Buffer[]): Promise<Played> {
  const beside = await playScene(playBeside, stage, kind, requests)
  const after = await playScene(playAfter, stage, kind, requests)
  return {
    answers: beside.answers,
    shows: beside.shows,
    sights: [...beside.sights, ...after.sights],
    isPinned: beside.isPinned,
  }
}

async function playScene(scene: Scene, ...[stage, kind, requests]: Parameters<Scene>): Promise<Played> {
  try {
    return await scene(stage, kind, requests)
  } finally {
    await stage.clear()
  }
}

interface Cast {
  readonly holder: RawClient
  readonly a: RawClient
  readonly b: RawClient
  /** The server that A has used, and that is free now. */
  readonly used: string
}

async function enter(stage: Stage, kind: Kind): Promise<Cast> {
  const [holder, a, b] = await Promise.all([stage.login('B', kind), stage.login('A', kind), stage.login('B', kind)])
  await stage.hold(holder)
  return { holder, a, b, used: await stage.pid(a) }
}

async function playBeside(stage: Stage, kind: Kind, requests: readonly Buffer[]): Promise<Played> {
  const cast = await enter(stage, kind)
  const { a, b, used } = cast
  const answers = await make(a, requests)
  const shows = [await stage.look(a, kind)]
  const answer = stage.look(b, kind)
  const isPinned = await stage.waits(answer)
  if (isPinned) return { answers, isPinned, ...(await goOnPinned(stage, kind, cast, shows, answer)) }
  const sight = await seen(stage, 'beside', b, await answer, used)
  shows.push(await stage.look(a, kind))
  return { answers, isPinned, ...(await move(stage, kind, cast, shows, [sight])) }
}

/** B waits for a server, as A has kept its own: it gets that of the holder. */
async function goOnPinned(
  stage: Stage,
  kind: Kind,
  { holder, a }: Cast,
  shows: readonly string[],
  answer: Promise<string>,
): Promise<Pick<Played, 'shows' | 'sights'>> {
  const second = await stage.look(a, kind)
  await holder.query('commit')
  if (await stage.waits(answer)) holder.leave()
  const sight: Sight = { when: 'beside', saw: await answer, server: 'a server it had to wait for' }
  return { shows: [...shows, second, await stage.look(a, kind)], sights: [sight] }
}

/** B keeps the server that A has used and the holder gives its own back: A gets that, and the holder after it. */
async function move(
  stage: Stage,
  kind: Kind,
  { holder, a, b }: Cast,
  shows: readonly string[],
  sights: readonly Sight[],
): Promise<Pick<Played, 'shows' | 'sights'>> {
  const held = stage.hold(b)
  const isPinned = await stage.waits(held)
  await holder.query('commit')
  const third = await stage.look(a, kind)
  await held
  if (isPinned) return { shows: [...shows, third], sights }
  const saw = await stage.look(holder, kind)
  return { shows: [...shows, third], sights: [...sights, { when: 'moved', saw, server: 'the same server' }] }
}

async function playAfter(stage: Stage, kind: Kind, requests: readonly Buffer[]): Promise<Played> {
  const { a, b, used } = await enter(stage, kind)
  const answers = await make(a, requests)
  a.leave()
  await a.closed()
  const saw = await stage.look(b, kind)
  return { answers, shows: [], sights: [await seen(stage, 'after', b, saw, used)], isPinned: false }
}

async function seen(stage: Stage, when: Sight['when'], b: RawClient, saw: string, used: string): Promise<Sight> {
  const pid = await stage.pid(b)
  return { when, saw, server: pid === used ? 'the same server' : 'another server' }
}

/** Without a pooler, A alone. */
export async function playDirect(
  ground: Ground,
  kind: Kind,
  requests: readonly Buffer[],
): Promise<Omit<Reference, 'fresh'>> {
  return directly('A', ground, kind, async (a) => {
    const untouched = await look(a, kind, ground.outside)
    const answers = await make(a, requests)
    const shows: string[] = []
    for (let times = 0; times < 3; times++) shows.push(await look(a, kind, ground.outside))
    return { untouched, answers, shows }
  })
}

/** What somebody sees who never made it. */
export function showFresh(ground: Ground, kind: Kind): Promise<string> {
  return directly('B', ground, kind, (b) => look(b, kind, ground.outside))
}

/** With a connection of its own, whose backend has ended its work before this resolves. */
async function directly<T>(role: Role, ground: Ground, kind: Kind, act: (client: RawClient) => Promise<T>): Promise<T> {
  const client = await loginAs(role, kind, ground.postgres.port)
  try {
    return await act(client)
  } finally {
    client.leave()
    await client.closed()
  }
}
