/** Type bytes of protocol 3, by direction, and which of them each side of the pooler lets pass. */

import type { FramingRules } from './framer.ts'

const code = (letter: string): number => letter.charCodeAt(0)

/** Messages that a client sends. */
export const Frontend = {
  bind: code('B'),
  close: code('C'),
  copyData: code('d'),
  copyDone: code('c'),
  copyFail: code('f'),
  describe: code('D'),
  execute: code('E'),
  flush: code('H'),
  functionCall: code('F'),
  parse: code('P'),
  password: code('p'),
  query: code('Q'),
  sync: code('S'),
  terminate: code('X'),
} as const

/** Messages that PostgreSQL sends. */
export const Backend = {
  authentication: code('R'),
  backendKeyData: code('K'),
  bindComplete: code('2'),
  closeComplete: code('3'),
  commandComplete: code('C'),
  copyBothResponse: code('W'),
  copyData: code('d'),
  copyDone: code('c'),
  copyInResponse: code('G'),
  copyOutResponse: code('H'),
  dataRow: code('D'),
  emptyQueryResponse: code('I'),
  errorResponse: code('E'),
  functionCallResponse: code('V'),
  negotiateProtocolVersion: code('v'),
  noData: code('n'),
  noticeResponse: code('N'),
  notificationResponse: code('A'),
  parameterDescription: code('t'),
  parameterStatus: code('S'),
  parseComplete: code('1'),
  portalSuspended: code('s'),
  readyForQuery: code('Z'),
  rowDescription: code('T'),
} as const

/** Status byte of ReadyForQuery. */
export const TransactionStatus = { idle: code('I'), inBlock: code('T'), failed: code('E') } as const

/** PostgreSQL takes nothing whose length field is larger than this (PQ_LARGE_MESSAGE_LIMIT), plus the type byte. */
const longestRequest = 0x3fff_fffe + 1
/** What it says itself is built in a buffer of less than 1 GB (MaxAllocSize), plus type byte and length field. */
const longestReply = 0x3fff_fffe + 5
/** Messages without a body, or with a fixed small one. */
const tiny = 64
const small = 65_536
const large = 1_048_576
/** Messages up to this length are handed out whole: a client that stops in the middle of one never occupies a server. */
const wholeUpTo = 16_384

/** A Parse is kept for the servers that will need it: ORMs write long ones. */
const wholeParseUpTo = 4 << 20

/** PG_MAX_AUTH_TOKEN_LENGTH: the body of a password or SASL message. */
const longestAnswer = 65_535

interface Rule {
  readonly longest: number
  readonly need: number
}

const streamed: Rule = { longest: longestRequest, need: wholeUpTo }

/** Client messages after login, in any mode. */
export const frontendRules = rules({
  [Frontend.query]: streamed,
  [Frontend.parse]: { longest: longestRequest, need: wholeParseUpTo },
  [Frontend.bind]: streamed,
  [Frontend.describe]: { longest: small, need: small },
  [Frontend.execute]: { longest: small, need: small },
  [Frontend.close]: { longest: small, need: small },
  [Frontend.functionCall]: streamed,
  [Frontend.copyData]: streamed,
  [Frontend.copyFail]: { longest: small, need: small },
  [Frontend.copyDone]: { longest: 5, need: 5 },
  [Frontend.sync]: { longest: 5, need: 5 },
  [Frontend.flush]: { longest: 5, need: 5 },
  [Frontend.terminate]: { longest: 5, need: 5 },
})

/** Client messages between the startup packet and the end of the login: answers to what is asked, of PostgreSQL's length. */
export const frontendLoginRules = rules({
  [Frontend.password]: { longest: 5 + longestAnswer, need: 5 + longestAnswer },
})
/** What may be said beyond what the protocol allows anyway. */
export interface FramingLimits {
  /** Of a whole message. */
  readonly longest: number
  /** Types that are not allowed at all. */
  readonly refused: readonly number[]
}

/** The same rules, but for what a limit forbids. */
export function limited(base: FramingRules, { longest, refused }: FramingLimits): FramingRules {
  const lengths = base.longest.map((length, type) => (refused.includes(type) ? 0 : Math.min(length, longest)))
  return { need: base.need, longest: lengths }
}

const short: Rule = { longest: 8_192, need: 8_192 }

/** Client messages on the console: all of them short, and whole. */
export const consoleRules = rules({
  [Frontend.query]: short,
  [Frontend.parse]: short,
  [Frontend.bind]: short,
  [Frontend.describe]: short,
  [Frontend.execute]: short,
  [Frontend.close]: short,
  [Frontend.sync]: { longest: 5, need: 5 },
  [Frontend.flush]: { longest: 5, need: 5 },
  [Frontend.terminate]: { longest: 5, need: 5 },
})

const header: Rule = { longest: longestReply, need: 5 }

/** DEALLOCATE ALL is the longest tag that the pooler knows. */
const longestTag = 5 + 'DEALLOCATE ALL'.length + 1

/** Server messages after login. What the pooler acts on comes whole; rows and the rest are streamed by header. */
export const backendRules = rules({
  [Backend.bindComplete]: { longest: tiny, need: 5 },
  [Backend.closeComplete]: { longest: tiny, need: 5 },
  [Backend.parseComplete]: { longest: tiny, need: 5 },
  [Backend.portalSuspended]: { longest: tiny, need: 5 },
  [Backend.noData]: { longest: tiny, need: 5 },
  [Backend.emptyQueryResponse]: { longest: tiny, need: 5 },
  [Backend.commandComplete]: { longest: small, need: longestTag },
  [Backend.copyBothResponse]: { longest: 0, need: 5 },
  [Backend.copyData]: header,
  [Backend.copyDone]: { longest: tiny, need: 5 },
  [Backend.copyInResponse]: { longest: small, need: 5 },
  [Backend.copyOutResponse]: { longest: small, need: 5 },
  [Backend.dataRow]: header,
  [Backend.errorResponse]: { longest: longestReply, need: 1_024 },
  [Backend.functionCallResponse]: header,
  [Backend.noticeResponse]: header,
  [Backend.notificationResponse]: { longest: small, need: small },
  [Backend.parameterDescription]: header,
  [Backend.parameterStatus]: { longest: large, need: large },
  [Backend.readyForQuery]: { longest: 6, need: 6 },
  [Backend.rowDescription]: header,
})

/** Server messages before the first ReadyForQuery: small, and all of them whole. */
export const backendLoginRules = rules({
  [Backend.authentication]: { longest: small, need: small },
  [Backend.backendKeyData]: { longest: 265, need: 265 },
  [Backend.errorResponse]: { longest: small, need: small },
  [Backend.noticeResponse]: { longest: small, need: small },
  [Backend.negotiateProtocolVersion]: { longest: small, need: small },
  [Backend.parameterStatus]: { longest: small, need: small },
  [Backend.readyForQuery]: { longest: 6, need: 6 },
})

/** What the connections of auth_query get to hear: short, and all of it whole. */
export const authQueryRules = rules({
  [Backend.bindComplete]: { longest: tiny, need: 5 },
  [Backend.commandComplete]: { longest: small, need: small },
  [Backend.dataRow]: { longest: 2 * small, need: 2 * small },
  [Backend.emptyQueryResponse]: { longest: tiny, need: 5 },
  [Backend.errorResponse]: { longest: large, need: large },
  [Backend.noticeResponse]: { longest: large, need: large },
  [Backend.notificationResponse]: { longest: small, need: small },
  [Backend.parameterStatus]: { longest: large, need: large },
  [Backend.parseComplete]: { longest: tiny, need: 5 },
  [Backend.readyForQuery]: { longest: 6, need: 6 },
})

/** What comes back for a question of the pooler's own: all of it whole. */
export const inquiryRules = rules({
  [Backend.commandComplete]: { longest: small, need: small },
  [Backend.dataRow]: { longest: large, need: large },
  [Backend.emptyQueryResponse]: { longest: tiny, need: 5 },
  [Backend.errorResponse]: { longest: large, need: large },
  [Backend.noticeResponse]: { longest: large, need: large },
  [Backend.notificationResponse]: { longest: small, need: small },
  [Backend.parameterStatus]: { longest: large, need: large },
  [Backend.readyForQuery]: { longest: 6, need: 6 },
  [Backend.rowDescription]: { longest: large, need: large },
})

function rules(byType: Readonly<Record<number, Rule>>): FramingRules {
  const need = new Uint32Array(256).fill(5)
  const longest = new Uint32Array(256)
  for (const [type, rule] of Object.entries(byType)) {
    need[Number(type)] = rule.need
    longest[Number(type)] = rule.longest
  }
  return { need, longest }
}
