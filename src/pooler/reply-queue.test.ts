import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { ReplyReader } from './reply-reader.ts'
import { ReplyQueue } from './reply-queue.ts'

function readerNamed(id: number): ReplyReader {
  return { id, isReading: true, reply: () => true }
}

const alice = readerNamed(1)
const bob = readerNamed(2)

/** Everything that a queue says of itself. */
function stateOf(queue: ReplyQueue) {
  const { owed, copyIn, isUncertain, needsSync, isAtRest, isBusy, reader, isHeadOurs } = queue
  return { owed, copyIn, isUncertain, needsSync, isAtRest, isBusy, reader: reader?.id, isHeadOurs }
}

const rest = {
  owed: 0,
  copyIn: 'none',
  isUncertain: false,
  needsSync: false,
  isAtRest: true,
  isBusy: false,
  reader: undefined,
  isHeadOurs: false,
}

describe('ReplyQueue', () => {
  let queue: ReplyQueue

  beforeEach(() => {
    queue = new ReplyQueue()
  })

  function sentExtended(count: number): void {
    for (let sent = 0; sent < count; sent++) queue.sentExtended()
  }

  function gotCompletions(count: number): void {
    for (let got = 0; got < count; got++) queue.gotCompletion()
  }

  /** Parse, Bind and Execute of a COPY FROM STDIN. */
  function sentCopyGroup(): void {
    sentExtended(2)
    queue.sentExtended()
  }

  /** … and what PostgreSQL answers up to CopyInResponse. */
  function gotCopyGroup(): void {
    gotCompletions(2)
    queue.gotCopyIn()
  }

  function is(expected: Partial<ReturnType<typeof stateOf>>): void {
    assert.deepEqual(stateOf(queue), { ...rest, ...expected })
  }

  describe('counting', () => {
    it('is at rest at first', () => is({}))

    it('is owed one ReadyForQuery by a Query, and at rest behind it', () => {
      queue.sentQuery(alice)
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      is({})
    })

    it('is owed one by a Sync, and none by the extended messages in front of it', () => {
      sentExtended(3)
      is({ needsSync: true, isAtRest: false, isBusy: true })
      queue.sentSync(alice)
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      gotCompletions(3)
      queue.gotReady()
      is({})
    })

    it('is owed one by a Sync with nothing in front of it', () => {
      queue.sentSync(alice)
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      is({})
    })

    it('waits for the Sync of a group that is answered but not closed, without being busy', () => {
      sentExtended(2)
      gotCompletions(2)
      is({ needsSync: true, isAtRest: false })
      queue.sentSync(alice)
      queue.gotReady()
      is({})
    })

    it('lets a Query close the extended group in front of it', () => {
      sentExtended(3)
      queue.sentQuery(alice)
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      gotCompletions(3)
      queue.gotReady()
      is({})
    })

    it('names the reader of the oldest request, for as long as that is unanswered', () => {
      queue.sentQuery(alice)
      sentExtended(1)
      queue.sentSync(bob)
      queue.sentQuery(alice)
      const readers = [queue.reader?.id]
      for (let answered = 0; answered < 3; answered++) {
        queue.gotReady()
        readers.push(queue.reader?.id)
      }
      assert.deepEqual(readers, [1, 2, 1, undefined])
      is({})
    })

    it("tells the pooler's own requests apart, and reads them for nobody", () => {
      queue.sentOurs()
      queue.sentQuery(alice)
      is({ owed: 2, isAtRest: false, isBusy: true, isHeadOurs: true })
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
    })

    it('closes a group for a client that is gone, for nobody', () => {
      sentExtended(1)
      queue.sentSync(undefined)
      is({ owed: 1, isAtRest: false, isBusy: true })
    })

    it('keeps the order of any number of requests', () => {
      const readers = Array.from({ length: 100 }, (_, index) => readerNamed(index + 1))
      for (const reader of readers.slice(0, 5)) queue.sentQuery(reader)
      for (let answered = 0; answered < 5; answered++) queue.gotReady()
      for (const reader of readers) queue.sentQuery(reader)
      const order = readers.map(() => {
        const reader = queue.reader?.id
        queue.gotReady()
        return reader
      })
      assert.deepEqual(
        order,
        readers.map(({ id }) => id),
      )
      is({})
    })

    it('counts nothing below zero for a ReadyForQuery that nobody asked for', () => {
      queue.gotReady()
      is({})
    })

    it('refuses an answer that nobody asked for', () => {
      const refused = { code: 'protocol_violation' }
      assert.throws(() => queue.gotCompletion(), refused)
      queue.sentExtended()
      queue.gotCompletion()
      assert.throws(() => queue.gotCompletion(), refused)
      queue.sentQuery(alice)
      queue.gotCompletion()
      queue.gotReady()
      assert.throws(() => queue.gotCompletion(), refused)
    })
  })

  describe('a long pipeline', () => {
    const most = 4_096

    function sentQueries(count: number): void {
      for (let sent = 0; sent < count; sent++) queue.sentQuery(alice)
    }

    it('is full at its bound, and until half of it is answered', () => {
      sentQueries(most - 1)
      assert.equal(queue.isFull, false)
      sentQueries(1)
      assert.equal(queue.isFull, true)
      for (let got = 0; got < most / 2 - 1; got++) queue.gotReady()
      assert.equal(queue.isFull, true)
      queue.gotReady()
      assert.equal(queue.isFull, false)
      for (let got = 0; got < most / 2; got++) queue.gotReady()
      is({})
    })

    it('may be one request long: copy data follow all the same, but nothing behind them', () => {
      queue = new ReplyQueue(1)
      queue.sentQuery(alice)
      assert.equal(queue.isFull, true)
      queue.gotCopyIn()
      assert.equal(queue.isFull, false)
      queue.sentCopyEnd()
      assert.equal(queue.isFull, true)
      queue.gotCommandComplete()
      queue.gotReady()
      assert.equal(queue.isFull, false)
      is({})
    })

    it('is not full any more when PostgreSQL skips it after an error', () => {
      queue.sentExtended()
      sentQueries(most)
      queue.gotError()
      assert.equal(queue.isFull, false)
      is({ needsSync: true, isAtRest: false })
    })

    it('is not full any more when PostgreSQL ignores its Syncs during copy-in', () => {
      queue.sentQuery(alice)
      for (let sent = 1; sent < most; sent++) queue.sentSync(alice)
      assert.equal(queue.isFull, true)
      queue.gotCopyIn()
      assert.equal(queue.isFull, false)
      is({ owed: 1, copyIn: 'in', isAtRest: false, isBusy: true, reader: 1 })
    })
  })

  describe('errors', () => {
    it('answers a Query with its error, and the next one is still owed', () => {
      queue.sentQuery(alice)
      queue.sentQuery(bob)
      queue.gotError()
      is({ owed: 2, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
    })

    it('skips everything behind a failed extended message up to the next Sync, Query and FunctionCall included', () => {
      sentExtended(1)
      queue.sentQuery(alice)
      sentExtended(2)
      queue.sentQuery(alice)
      queue.sentSync(bob)
      queue.sentQuery(alice)
      queue.gotError()
      is({ owed: 2, isAtRest: false, isBusy: true, reader: 2 })
      queue.gotReady()
      queue.gotReady()
      is({})
    })

    it('goes on skipping what is sent before a Sync', () => {
      sentExtended(1)
      queue.gotError()
      is({ needsSync: true, isAtRest: false })
      sentExtended(2)
      queue.sentQuery(alice)
      queue.sentCopyEnd()
      is({ needsSync: true, isAtRest: false })
      queue.sentSync(alice)
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      is({})
    })

    it('skips nothing behind a Query that fails when the extended messages in front of it are answered', () => {
      sentExtended(2)
      queue.sentQuery(alice)
      queue.sentQuery(bob)
      gotCompletions(2)
      queue.gotError()
      is({ owed: 2, isAtRest: false, isBusy: true, reader: 1 })
    })

    it('takes an error behind the last completion of a group for one of its Sync', () => {
      sentExtended(1)
      queue.sentSync(alice)
      queue.sentQuery(bob)
      gotCompletions(1)
      queue.gotError()
      is({ owed: 2, isAtRest: false, isBusy: true, reader: 1 })
    })

    it('answers each Sync of a pipeline, whichever of its groups failed', () => {
      for (const reader of [alice, bob, alice]) {
        sentExtended(2)
        queue.sentSync(reader)
      }
      gotCompletions(2)
      queue.gotReady()
      queue.gotError()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      gotCompletions(2)
      queue.gotReady()
      is({})
    })

    it("leaves the client's request owed when one of the pooler's own fails in front of it", () => {
      queue.sentOurs()
      queue.sentQuery(alice)
      queue.gotError()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
    })
  })

  describe('COPY FROM STDIN by Query', () => {
    it('is in copy-in from CopyInResponse to the CopyDone, which is ending it up to CommandComplete', () => {
      queue.sentQuery(alice)
      queue.gotCopyIn()
      is({ owed: 1, copyIn: 'in', isAtRest: false, isBusy: true, reader: 1 })
      queue.sentCopyEnd()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      is({})
    })

    it('refuses to be told of a Sync during copy-in, which would owe nothing', () => {
      queue.sentQuery(alice)
      queue.gotCopyIn()
      assert.throws(() => queue.sentSync(alice), { message: 'taxirank bug: no Sync is sent during copy-in' })
    })

    it('strikes off the Syncs directly behind it at CopyInResponse', () => {
      queue.sentQuery(alice)
      queue.sentSync(alice)
      queue.sentSync(alice)
      queue.gotCopyIn()
      is({ owed: 1, copyIn: 'in', isAtRest: false, isBusy: true, reader: 1 })
      queue.sentCopyEnd()
      queue.sentSync(bob)
      queue.gotCommandComplete()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
    })

    it('strikes off no Sync behind a CopyDone that was sent before CopyInResponse was seen', () => {
      queue.sentQuery(alice)
      queue.sentSync(alice)
      queue.sentCopyEnd()
      queue.sentSync(bob)
      queue.gotCopyIn()
      is({ owed: 2, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
    })

    it('strikes off no Sync behind anything but Syncs', () => {
      queue.sentQuery(alice)
      sentExtended(1)
      queue.sentSync(bob)
      queue.gotCopyIn()
      is({ owed: 2, copyIn: 'in', isAtRest: false, isBusy: true, reader: 1 })
    })

    it('gives each of several COPYs in one Query a CopyDone of its own, however early they were sent', () => {
      queue.sentQuery(alice)
      queue.sentCopyEnd()
      queue.sentSync(alice)
      queue.sentCopyEnd()
      queue.sentSync(bob)
      queue.gotCopyIn()
      is({ owed: 3, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      queue.gotCopyIn()
      is({ owed: 2, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
    })

    it('is certain of the count when copy-in fails and no Sync was struck off', () => {
      queue.sentQuery(alice)
      queue.gotCopyIn()
      queue.gotError()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 1 })
      queue.sentCopyEnd()
      queue.gotReady()
      is({})
    })

    it('is uncertain for good when copy-in fails and a Sync was struck off', () => {
      queue.sentQuery(alice)
      queue.sentSync(alice)
      queue.gotCopyIn()
      queue.gotError()
      is({ owed: 1, isAtRest: false, isBusy: true, isUncertain: true, reader: 1 })
      queue.gotReady()
      is({ isAtRest: false, isUncertain: true })
      queue.gotReady()
      is({ isAtRest: false, isUncertain: true })
    })

    it('is certain again once a copy-in that had Syncs struck off has come to its end', () => {
      queue.sentQuery(alice)
      queue.sentSync(alice)
      queue.gotCopyIn()
      queue.sentCopyEnd()
      queue.gotCommandComplete()
      queue.gotError()
      queue.gotReady()
      is({})
    })

    it('forgets the struck Syncs of a COPY that has succeeded when another one in the same Query fails', () => {
      queue.sentQuery(alice)
      queue.sentSync(alice)
      queue.gotCopyIn()
      queue.sentCopyEnd()
      queue.gotCommandComplete()
      queue.gotCopyIn()
      queue.gotError()
      queue.gotReady()
      is({})
    })

    it('counts the Syncs behind a COPY that fails before CopyInResponse', () => {
      queue.sentQuery(alice)
      queue.sentSync(bob)
      queue.sentCopyEnd()
      queue.gotError()
      queue.gotReady()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
    })

    it('takes a CopyDone that comes after copy-in has failed for nothing', () => {
      queue.sentQuery(alice)
      queue.gotCopyIn()
      queue.gotError()
      queue.gotReady()
      queue.sentCopyEnd()
      is({})
      queue.sentQuery(alice)
      queue.sentSync(bob)
      queue.gotCopyIn()
      is({ owed: 1, copyIn: 'in', isAtRest: false, isBusy: true, reader: 1 })
    })

    it('gives a CopyDone sent behind a further COPY to that one, when the first has failed meanwhile', () => {
      queue.sentQuery(alice)
      queue.sentQuery(bob)
      queue.gotCopyIn()
      queue.sentCopyEnd()
      queue.gotError()
      queue.gotReady()
      queue.gotCopyIn()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 2 })
    })
  })

  describe('COPY FROM STDIN by Execute', () => {
    it('needs a Sync behind the CopyDone, as any group does', () => {
      sentCopyGroup()
      gotCopyGroup()
      is({ copyIn: 'in', needsSync: true, isAtRest: false, isBusy: true })
      queue.sentCopyEnd()
      queue.sentSync(alice)
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      queue.gotReady()
      is({})
    })

    it('strikes off an early Sync, and is answered at the Sync behind CopyDone', () => {
      sentCopyGroup()
      queue.sentSync(alice)
      gotCopyGroup()
      is({ copyIn: 'in', needsSync: true, isAtRest: false, isBusy: true })
      queue.sentCopyEnd()
      queue.sentSync(bob)
      queue.gotCommandComplete()
      is({ owed: 1, isAtRest: false, isBusy: true, reader: 2 })
      queue.gotReady()
      is({})
    })

    it('strikes off several early Syncs, but none behind the CopyDone', () => {
      sentCopyGroup()
      queue.sentSync(alice)
      queue.sentSync(alice)
      queue.sentCopyEnd()
      queue.sentSync(bob)
      queue.sentSync(alice)
      gotCopyGroup()
      is({ owed: 2, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 2 })
      queue.gotCommandComplete()
      queue.gotReady()
      queue.gotReady()
      is({})
    })

    it('counts the Sync of a group whose CopyDone stands within it', () => {
      sentCopyGroup()
      queue.sentCopyEnd()
      queue.sentSync(alice)
      gotCopyGroup()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      queue.gotReady()
      is({})
    })

    it('knows that a CopyDone is on its way when the group goes on with further Executes', () => {
      sentCopyGroup()
      queue.sentCopyEnd()
      sentCopyGroup()
      queue.sentSync(alice)
      gotCopyGroup()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
      queue.gotCommandComplete()
      gotCompletions(2)
      queue.gotCommandComplete()
      queue.gotReady()
      is({})
    })

    it('gives each COPY of a group its own CopyDone', () => {
      for (let copies = 0; copies < 2; copies++) {
        sentCopyGroup()
        queue.sentCopyEnd()
      }
      queue.sentSync(alice)
      for (let copies = 0; copies < 2; copies++) {
        gotCopyGroup()
        is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 1 })
        queue.gotCommandComplete()
      }
      queue.gotReady()
      is({})
    })

    it('finds the CopyDones of a group that took over an Execute whose Sync was struck off', () => {
      sentCopyGroup()
      queue.sentSync(alice)
      queue.sentCopyEnd()
      sentCopyGroup()
      queue.sentCopyEnd()
      queue.sentSync(bob)
      gotCopyGroup()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 2 })
      queue.gotCommandComplete()
      gotCopyGroup()
      is({ owed: 1, copyIn: 'ending', isAtRest: false, isBusy: true, reader: 2 })
      queue.gotCommandComplete()
      queue.gotReady()
      is({})
    })

    it('takes a CopyDone in front of the Execute for nothing', () => {
      sentExtended(2)
      queue.sentCopyEnd()
      queue.sentExtended()
      queue.sentSync(alice)
      gotCopyGroup()
      is({ copyIn: 'in', needsSync: true, isAtRest: false, isBusy: true })
    })

    it('skips to the Sync behind a copy-in that fails', () => {
      sentCopyGroup()
      gotCopyGroup()
      queue.gotError()
      is({ needsSync: true, isAtRest: false })
      queue.sentCopyEnd()
      queue.sentSync(alice)
      queue.gotReady()
      is({})
    })

    it('is uncertain for good when it fails and a Sync was struck off', () => {
      sentCopyGroup()
      queue.sentSync(alice)
      gotCopyGroup()
      queue.gotError()
      is({ needsSync: true, isAtRest: false, isUncertain: true })
      queue.sentSync(alice)
      queue.gotReady()
      is({ isAtRest: false, isUncertain: true })
    })

    it('is answered at the first Sync when it fails before CopyInResponse', () => {
      sentCopyGroup()
      queue.sentSync(alice)
      queue.sentCopyEnd()
      queue.sentSync(bob)
      gotCompletions(2)
      queue.gotError()
      is({ owed: 2, isAtRest: false, isBusy: true, reader: 1 })
      queue.gotReady()
      queue.gotReady()
      is({})
    })

    it('does not touch the requests in front of the group', () => {
      queue.sentQuery(bob)
      sentCopyGroup()
      queue.sentSync(alice)
      queue.gotCommandComplete()
      queue.gotReady()
      gotCopyGroup()
      is({ copyIn: 'in', needsSync: true, isAtRest: false, isBusy: true })
    })
  })
})

describe('what is remembered of messages in a group that no Sync ends', () => {
  it('is forgotten once they are answered', () => {
    const queue = new ReplyQueue()
    const sent: WeakRef<object>[] = []
    const send = (): void => {
      const note = { isOurs: false, completed: () => {}, failed: () => {} }
      sent.push(new WeakRef(note))
      queue.sentNoted(note)
    }
    for (let n = 0; n < 10_000; n++) {
      send()
      queue.gotCompletion()
    }
    Bun.gc(true)
    assert.ok(sent.filter((note) => note.deref() !== undefined).length < 5_000)
  })

  it('may be so much, and then no more is sent until some of it is answered', () => {
    const queue = new ReplyQueue()
    const note = { isOurs: false, completed: () => {}, failed: () => {} }
    for (let n = 0; n < 16_383; n++) queue.sentNoted(note)
    assert.equal(queue.isFull, false)
    queue.sentNoted(note)
    assert.equal(queue.isFull, true)
    queue.gotCompletion()
    assert.equal(queue.isFull, false)
    queue.sentNoted(note)
    queue.gotError()
    assert.equal(queue.isFull, false)
    queue.sentSync(undefined)
    queue.gotReady()
    for (let n = 0; n < 16_383; n++) queue.sentNoted(note)
    assert.equal(queue.isFull, false)
  })
})
