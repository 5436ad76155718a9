/**
 * What tells a client that it talks to this pooler, and to which version of it: the last ParameterStatus of its login. PostgreSQL has no such
 * parameter. Who sees it may send what only the pooler understands (`holder-naming.ts`).
 */

import * as build from '../wire/build.ts'

const name = 'taxirank.pooler'

export function announcementOf(version: string): Buffer {
  return build.parameterStatus(name, version)
}

/** What a server reports, but for what another pooler of this kind has announced of itself: clients are told of the one that they talk to. */
export function withoutAnnouncement(reported: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!reported.has(name)) return reported
  const rest = new Map(reported)
  rest.delete(name)
  return rest
}
