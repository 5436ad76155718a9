/** All statements against a PostgreSQL of their own: the corpus, the hand-made list, and generated ones. */

import { Random } from '../../src/random.ts'
import { RawClient } from '../support/raw-client.ts'
import { readCorpus } from './corpus.ts'
import { startFixture } from './fixture.ts'
import { generate } from './grammar.ts'
import { handMade } from './hand-made.ts'
import { Oracle } from './oracle.ts'

export interface Outcome {
  readonly oracle: Oracle
  readonly postgresVersion: string
}

export async function tryClassifier(seed: number, statements: number): Promise<Outcome> {
  const fixture = await startFixture()
  try {
    const oracle = new Oracle(fixture.port)
    const [corpus, byHand] = [readCorpus(), handMade()]
    const generated = generate(new Random(seed)).take(Math.max(0, statements - corpus.length - byHand.length))
    await oracle.tryAll([...corpus, ...byHand, ...generated])
    return { oracle, postgresVersion: await versionOf(fixture.port) }
  } finally {
    await fixture.remove()
  }
}

async function versionOf(port: number): Promise<string> {
  const client = await RawClient.login(port)
  const version = await client.value('SHOW server_version')
  client.leave()
  return `PostgreSQL ${version}`
}
