import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Entry } from './reply-account.ts'
import { ReplyAccount } from './reply-account.ts'

/** Plays a dialogue: `>QS` sends messages, `<CZ` receives them. Returns the account and the first complaint. */
function play(dialogue: string): { account: ReplyAccount; complaint: string | undefined } {
  const account = new ReplyAccount()
  let complaint: string | undefined
  for (const turn of dialogue.split(' ')) {
    for (const letter of turn.slice(1)) {
      const type = letter.charCodeAt(0)
      if (turn.startsWith('>')) account.sent(type, 1, 0)
      else complaint ??= account.received(type)
    }
  }
  return { account, complaint }
}

const clean = [
  '>Q <TDDCZ',
  '>Q <NSAIZ',
  '>Q <TCDCEZ',
  '>QQQ <CZ <CZEZ',
  '>F <VZ',
  '>PBDES <12TDCZ',
  '>PDS <1tnZ',
  '>BEEECS <2DsDsC3Z',
  '>PBES <EZ',
  '>PBEQFHS <1EZ',
  '>PBE <1 >Q <2 <C <CZ',
  '>PE <E >QPBES <Z',
  '>PBESPBES <12EZ12CZ',
  '>S <EZ',
  '>Q <Hdddc <CZ',
  '>PBE <12G >ddHcS <CZ',
  '>PBE <12G >SdSc <C >S <Z',
  '>PBESdcS <12GCZ',
  '>Q <G >df <EZ',
  '>Qdcdc <GCGCZ',
  '>Qdc <EZ >dc >Q <CZ',
  '>PBE <12G >d <E >ddcS <Z',
  '>Q <G >dc <CG >dc <CZ',
]

const unclean = [
  ['>Q <C', '1 ReadyForQuery still owed after 0 received'],
  ['>QQ <CZ', '1 ReadyForQuery still owed after 1 received'],
  ['>P <1', 'a group of the extended protocol was not closed by Sync'],
  ['>PBS <12Z >B <2', 'a group of the extended protocol was not closed by Sync'],
  ['>P <E', 'it skips to the next Sync after an error'],
  ['>PBE <12G', 'copy-in runs'],
  ['>PBE <12G >Sc <C', 'a group of the extended protocol was not closed by Sync'],
  ['<E', 'it sent an ErrorResponse that nobody had asked for: it is ending'],
  ['>PBES <12GE', "its replies can't be counted: an error ended copy-in after an early Sync"],
  ['>Q <G >Sf <EZ', "its replies can't be counted: an error ended copy-in after an early Sync"],
  ['>Q <G >Q', "its replies can't be counted: 'Q' was sent during copy-in"],
  ['>QQ <G', "its replies can't be counted: 'Q' was sent during copy-in"],
  ['>!', "its replies can't be counted: '!' was sent, which is no message of the protocol"],
] as const

const unexplained = ['<Z', '>Q <ZZ', '>P <2', '>PBES <12Z', '>Q <1', '>D <D', '>S <C', '>Q <G <C', '>Q <G <Z', '>F <D']

describe('ReplyAccount', () => {
  for (const dialogue of clean) {
    it(`finds nothing owed after ${dialogue}`, () => {
      const { account, complaint } = play(dialogue)
      assert.equal(complaint, undefined)
      assert.equal(account.head, undefined)
      assert.equal(account.whyNotClean(), undefined)
    })
  }

  for (const [dialogue, why] of unclean) {
    it(`finds after ${dialogue}: ${why}`, () => {
      const { account, complaint } = play(dialogue)
      assert.equal(complaint, undefined)
      assert.equal(account.whyNotClean(), why)
    })
  }

  for (const dialogue of unexplained) {
    it(`can't explain the last reply of ${dialogue}`, () => {
      const { account, complaint } = play(dialogue)
      assert.notEqual(complaint, undefined)
      assert.match(account.whyNotClean() ?? '', /^it sent a reply/)
    })
  }

  it('bounds the number of ReadyForQuery when it is uncertain', () => {
    assert.equal(play('>PBES <12GE >S <ZZ').complaint, undefined)
    assert.notEqual(play('>PBES <12GE >S <ZZZ').complaint, undefined)
  })

  it('gives each reply to the one that asked', () => {
    const account = new ReplyAccount()
    account.sent('Q'.charCodeAt(0), 0, 0)
    account.sent('Q'.charCodeAt(0), 7, 12)
    assert.equal(account.head?.owner, 0)
    account.received('Z'.charCodeAt(0))
    const group = { client: 7 }
    assert.deepEqual(account.head, { type: 'Q'.charCodeAt(0), owner: 7, offset: 12, group, request: undefined })
    assert.ok(account.hasUnanswered(({ owner }) => owner === 7))
    account.received('Z'.charCodeAt(0))
    assert.equal(account.answered?.owner, 7)
  })

  it('lets an error answer a message that has been sent in part', () => {
    const account = new ReplyAccount()
    const type = (letter: string): number => letter.charCodeAt(0)
    account.received(type('E'), type('B'))
    assert.equal(account.isDying, false)
    account.sent(type('B'), 1, 0)
    assert.equal(account.head, undefined)
    account.sent(type('S'), 1, 0)
    assert.equal(account.readyOwed, 1)
    account.received(type('Z'))
    account.received(type('E'), type('S'))
    assert.equal(account.isDying, true)
  })

  it('names what an error answers, and whose group it is in', () => {
    const account = new ReplyAccount()
    const type = (letter: string): number => letter.charCodeAt(0)
    const told = (entry: Entry | undefined): readonly number[] | undefined =>
      entry && [entry.type, entry.owner, entry.group.client]
    account.sent(type('P'), 0, 0)
    assert.deepEqual(told(account.head), [type('P'), 0, 0])
    account.sent(type('B'), 7, 0)
    account.sent(type('S'), 7, 0)
    account.sent(type('P'), 0, 0)
    account.received(type('E'))
    assert.deepEqual(told(account.failed), [type('P'), 0, 7])
    account.received(type('Z'))
    assert.deepEqual(told(account.failed), undefined)
    assert.deepEqual(told(account.head), [type('P'), 0, 0])
  })
})
