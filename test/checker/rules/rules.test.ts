import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  TraceBuilder,
  bind,
  bound,
  cancelRequest,
  complete,
  copyData,
  copyDone,
  copyInResponse,
  error,
  execute,
  flush,
  functionCall,
  loggedIn,
  message,
  parameter,
  parse,
  parsed,
  query,
  ready,
  row,
  selected,
  startup,
  sync,
} from '../build-trace.ts'
import { Checker } from '../checker.ts'
import { brokenBy, sessions, world } from './broken-by.ts'

/** Client 1 holds server 1 and has asked. */
function asked(text = 'a'): TraceBuilder {
  return world().grant(1, 1).ask(1, 1, query(text))
}

const text = 'a'
const answer = selected(text)

describe('I1 exclusive lease', () => {
  it('refuses two leases on one server', () => {
    assert.deepEqual(brokenBy(world().grant(1, 1).grant(2, 1).release(2, 1).stop()), ['I1'])
  })
  it('refuses two servers for one client', () => {
    assert.deepEqual(brokenBy(world().grant(1, 1).grant(1, 2).release(1, 2).end()), ['I1'])
  })
  it('refuses a release by somebody else', () => {
    assert.deepEqual(brokenBy(world().grant(1, 1).release(2, 1).release(1, 1).stop()), ['I1'])
  })
  it('refuses a shared lease', () => {
    assert.deepEqual(brokenBy(world().add(15, 1, 1, 1).release(1, 1).stop()), ['I1'])
  })
  it('refuses a server that has not logged in, and one that was destroyed', () => {
    assert.deepEqual(brokenBy(world().destroy(1).grant(1, 1).destroy(2).close(2).close(1).end()), ['I1'])
    assert.ok(brokenBy(new TraceBuilder().pool(1, 1).login(1).opening(1).grant(1, 1).ready(1).end()).includes('I1'))
  })
  it('refuses a lease that its server outlived', () => {
    assert.deepEqual(brokenBy(world().grant(1, 1).close(1).end()), ['T', 'I1'])
  })
})

describe('I2 attribution', () => {
  it("goes red when two clients' replies are swapped", () => {
    const built = world().grant(1, 1).grant(2, 2).ask(1, 1, query('a')).ask(2, 2, query('b'))
    built.serverSays(1, selected('a')).serverSays(2, selected('b'))
    built.toClient(1, 2, selected('b')).toClient(2, 1, selected('a')).release(1, 1).release(2, 2)
    assert.deepEqual(brokenBy(built.stop()), ['I2'])
  })
  it('refuses bytes of a client to a server that another holds, or nobody', () => {
    assert.ok(brokenBy(world().grant(1, 1).clientSays(2, query('b')).toServer(1, 2, query('b')).end()).includes('I2'))
    assert.deepEqual(brokenBy(world().ask(1, 1, query('a')).end()), ['I2'])
  })
  it('refuses a reply after the lease', () => {
    const built = asked().serverSays(1, answer).release(1, 1).toClient(1, 1, answer)
    assert.deepEqual(brokenBy(built.stop()), ['I3', 'I2'])
  })
  it('refuses to swallow a reply that its client waits for', () => {
    assert.ok(brokenBy(asked().serverSays(1, answer).swallow(1, answer.length, 2).release(1, 1).stop()).includes('I2'))
  })
  it("refuses to forward the answer to the pooler's own request", () => {
    const built = world().grant(1, 1).clientSays(1, query('a')).toServer(1, 0, query('set x=1'))
    built.toServer(1, 1, query('a')).serverSays(1, complete('SET'), ready(), answer)
    built.toClient(1, 1, complete('SET'), ready()).toClient(1, 1, answer).release(1, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I2', 'I9'])
  })
  it("lets only a fatal error of the pooler's own request through, in whatever pieces it comes", () => {
    const failing = (severity: 'ERROR' | 'FATAL', cut: number): TraceBuilder => {
      const built = world().grant(1, 1).clientSays(1, query('a')).toServer(1, 0, query('set'))
      const reply = error(severity, 'x')
      built.toServer(1, 1, query('a')).answer(1, 1, reply.subarray(0, cut)).answer(1, 1, reply.subarray(cut))
      return built.destroy(1).close(1).closeClient(1)
    }
    for (const cut of [0, 1, 6, 20]) {
      assert.deepEqual(brokenBy(failing('FATAL', cut).end()), [], `cut at ${cut}`)
      assert.deepEqual(brokenBy(failing('ERROR', cut).end()), ['I2'], `cut at ${cut}`)
    }
  })
  it("keeps an error of the pooler's own request from a client whose Query is half sent", () => {
    const built = world().grant(1, 1).clientSays(1, query('abc')).toServer(1, 0, query('set'))
    built.toServer(1, 1, query('abc').subarray(0, 7)).answer(1, 1, error('ERROR', 'x'))
    assert.deepEqual(brokenBy(built.destroy(1).close(1).closeClient(1).end()), ['I2'])
  })
  it('refuses a message to a server that two wrote', () => {
    const built = world().grant(1, 1).clientSays(1, query('abc')).toServer(1, 1, query('abc').subarray(0, 6))
    built.toServer(1, 0, sync()).toServer(1, 1, query('abc').subarray(6)).destroy(1).close(1).closeClient(1)
    assert.deepEqual(brokenBy(built.end()), ['I2'])
  })
  it('refuses a message to a client that two wrote', () => {
    const built = asked()
      .serverSays(1, answer)
      .toClient(1, 1, answer.subarray(0, 3))
      .toClient(1, 0, error('FATAL', 'x'))
    assert.ok(brokenBy(built.destroy(1).close(1).closeClient(1).end()).includes('I2'))
  })
  it('refuses to discard copy data that copy-in waits for, or a Sync that it does not ignore', () => {
    const copying = asked('copy').answer(1, 1, copyInResponse()).clientSays(1, copyData('1'))
    assert.deepEqual(brokenBy(copying.discard(1, 6, 3).closeClient(1).end()), ['I2'])
    assert.deepEqual(brokenBy(world().grant(1, 1).clientSays(1, sync()).discard(1, 5, 7).closeClient(1).end()), ['I2'])
  })
  it('refuses to discard a request under a false pretence', () => {
    for (const reason of [0, 1, 2, 4, 5, 9]) {
      const built = world().grant(1, 1).clientSays(1, query('a')).discard(1, 7, reason).closeClient(1)
      assert.deepEqual(brokenBy(built.end()), ['I2'], `reason ${reason}`)
    }
  })
  it('refuses to answer anything but the naming of a holder, alone and whole', () => {
    const naming = "set taxirank.holder = 'a'"
    const refused = [query('select 1'), query(`${naming};select 1`), query(`${naming}'`), query(`${naming} 'b'`)]
    for (const sent of [...refused, parse('', naming), query("set taxirank.holders = 'a'")]) {
      const built = world().clientSays(1, sent).toClient(1, 0, complete('SET'), ready()).discard(1, sent.length, 8)
      assert.ok(brokenBy(built.closeClient(1).end()).includes('I2'), sent.toString('latin1'))
    }
    const half = world().clientSays(1, query(naming)).toClient(1, 0, complete('SET'), ready()).discard(1, 9, 8)
    assert.deepEqual(
      brokenBy(
        half
          .discard(1, query(naming).length - 9, 6)
          .closeClient(1)
          .end(),
      ),
      ['I2'],
    )
  })
})

describe('I3 clean release', () => {
  function released(built: TraceBuilder): readonly string[] {
    return brokenBy(built.release(1, 1).end())
  }

  it('goes red when a server is lent one ReadyForQuery early', () => {
    const built = world().grant(1, 1).ask(1, 1, query('a'), query('b')).answer(1, 1, answer).release(1, 1)
    built.grant(2, 1).ask(2, 1, query('c')).serverSays(1, selected('b')).toClient(2, 1, selected('b'))
    assert.deepEqual(brokenBy(built.end()), ['I3', 'I2', 'I9'])
  })
  it('goes red when a rollback is skipped', () => {
    const built = asked('begin').answer(1, 1, complete('BEGIN'), ready('T')).closeClient(1, 1)
    assert.deepEqual(released(built), ['I3'])
  })
  it('refuses a failed transaction', () => {
    assert.deepEqual(released(asked().answer(1, 1, error('ERROR', 'x'), ready('E'))), ['I3'])
  })
  it('refuses half a message to the server', () => {
    const built = world().grant(1, 1).clientSays(1, query('abc')).toServer(1, 1, query('abc').subarray(0, 7))
    assert.deepEqual(released(built.closeClient(1, 1)), ['I3'])
  })
  it('refuses half a message from the server', () => {
    assert.deepEqual(released(asked().answer(1, 1, answer, Buffer.from([0x4e, 0]))), ['I3'])
  })
  it('refuses bytes that were not used', () => {
    const built = asked().serverSays(1, answer, parameter('a', 'b')).toClient(1, 1, answer)
    assert.deepEqual(released(built), ['I3'])
  })
  it('refuses copy-in, a group without Sync, and skipping to the next Sync', () => {
    assert.deepEqual(released(asked('copy').answer(1, 1, copyInResponse())), ['I3'])
    const group = world().grant(1, 1).ask(1, 1, parse('', 'a'), flush()).answer(1, 1, parsed())
    assert.deepEqual(released(group), ['I3'])
    const failed = world().grant(1, 1).ask(1, 1, parse('', 'a'), flush()).answer(1, 1, error('ERROR', 'x'))
    assert.deepEqual(released(failed), ['I3'])
  })
  it('refuses a cancel under way', () => {
    const built = asked().cancelReceived(1).cancelSent(1, 1).answer(1, 1, answer).release(1, 1).cancelDone(1, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I3', 'I8'])
  })
  it('refuses a server of a session pool on which a named statement was Parsed', () => {
    const built = sessions().grant(1, 1).ask(1, 1, parse('s', 'a'), sync()).answer(1, 1, parsed(), ready())
    assert.deepEqual(released(built), ['I3'])
  })
  it('takes a server that is reset, if nothing is left when it is lent again', () => {
    const parsedOn = (): TraceBuilder =>
      sessions().grant(1, 1).ask(1, 1, parse('s', 'a'), sync()).answer(1, 1, parsed(), ready())
    const lent = (built: TraceBuilder): readonly string[] => brokenBy(built.grant(2, 1).release(2, 1).stop())
    assert.deepEqual(lent(parsedOn().reset(1, 1, 'discard all', complete('DISCARD ALL'), ready())), [])
    assert.deepEqual(lent(parsedOn().reset(1, 1, 'reset all', complete('RESET'), ready())), ['I3'])
    assert.deepEqual(lent(parsedOn().reset(1, 1, 'discard all', error('ERROR', 'x'), ready())), ['I3'])
    assert.deepEqual(lent(asked().answer(1, 1, answer).reset(1, 1, 'begin', complete('BEGIN'), ready('T'))), ['I3'])
    const underWay = asked().answer(1, 1, answer).reset(1, 1, 'discard all')
    assert.equal(lent(underWay)[0], 'I3')
  })
  it('refuses another identity that a reset has left', () => {
    const changed = asked().answer(1, 1, parameter('session_authorization', 'other'), complete('SET'), ready())
    const reset = changed.reset(1, 1, 'deallocate all', complete('DEALLOCATE ALL'), ready())
    assert.deepEqual(brokenBy(reset.grant(2, 1).release(2, 1).stop()), ['I3'])
  })
  it('refuses a reset that begins before all is answered', () => {
    const built = asked().reset(1, 1, 'discard all', answer, complete('DISCARD ALL'), ready())
    assert.ok(brokenBy(built.stop()).includes('I3'))
  })
  it('refuses a changed session_authorization, and takes one that was changed back', () => {
    const changed = parameter('session_authorization', 'other')
    assert.deepEqual(released(asked().answer(1, 1, changed, complete('SET'), ready())), ['I3'])
    const back = parameter('session_authorization', 'user')
    assert.deepEqual(released(asked().answer(1, 1, changed, back, complete('SET'), ready())), [])
  })
  it('refuses a server whose copy-in ended by an error after an early Sync', () => {
    const built = world().grant(1, 1).ask(1, 1, parse('', 'copy'), bind(''), execute(), sync())
    built.answer(1, 1, parsed(), bound(), copyInResponse(), error('ERROR', 'x'), ready())
    assert.deepEqual(released(built), ['I3'])
  })
  it('refuses a server that says what nobody can explain', () => {
    const extra = asked().answer(1, 1, answer).serverSays(1, ready()).swallow(1, 6, 4)
    assert.deepEqual(released(extra), ['I3'])
    const garbled = asked().answer(1, 1, answer).serverSays(1, Buffer.from('!!!!!!!!!')).swallow(1, 9, 4)
    assert.deepEqual(released(garbled), ['I3'])
  })
  it('refuses to lend a server that announced its end while idle', () => {
    const farewell = error('FATAL', 'shutting down')
    const built = world().serverSays(1, farewell).swallow(1, farewell.length, 4).grant(1, 1).destroy(1).close(1)
    assert.deepEqual(brokenBy(built.end()), ['I3'])
  })
})

describe('I4 limit', () => {
  it('refuses one server too many, closing ones counted', () => {
    assert.deepEqual(brokenBy(world().open(3).stop()), ['I4'])
    assert.deepEqual(brokenBy(world().destroy(1).opening(3).close(1).ready(3).stop()), ['I4'])
    assert.deepEqual(brokenBy(world().destroy(1).close(1).open(3).stop()), [])
  })
  it('keeps to a limit that became lower', () => {
    assert.deepEqual(brokenBy(world().pool(1, 1).destroy(1).close(1).open(3).stop()), ['I4'])
  })
  it('refuses a second cancel connection to one server', () => {
    const built = asked()
      .cancelReceived(1)
      .cancelSent(1, 1)
      .cancelReceived(1)
      .cancelSent(1, 1)
      .cancelDone(1, 1)
      .answer(1, 1, answer)
      .release(1, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I4'])
  })
})

describe('I5 one end per wait', () => {
  /** Client 2 waits: both servers are leased. */
  function waiting(): TraceBuilder {
    return world().login(3).grant(1, 1).grant(3, 2).clientSays(2, query('b')).queue(2)
  }

  it('refuses a wait without an end', () => {
    assert.deepEqual(brokenBy(waiting().discard(2, 7, 6).closeClient(2).end()), ['I5', 'I18'])
  })
  it('refuses two ends', () => {
    const built = waiting().endWait(2, 2).endWait(2, 4).closeClient(2)
    assert.deepEqual(brokenBy(built.end()), ['I5'])
  })
  it('refuses a lease to a client that still waits', () => {
    assert.ok(brokenBy(waiting().release(1, 1).grant(2, 1).endWait(2, 1).end()).includes('I5'))
  })
  it('refuses an end as granted that no lease follows', () => {
    const built = waiting().release(1, 1).endWait(2, 1).wait(1).grant(3, 1)
    assert.ok(brokenBy(built.end()).includes('I5'))
  })
  it('refuses to wait twice, and an end nobody knows', () => {
    assert.deepEqual(brokenBy(waiting().queue(2).endWait(2, 4).closeClient(2).end()), ['I5'])
    assert.deepEqual(brokenBy(waiting().endWait(2, 7).closeClient(2).end()), ['I5'])
  })
})

describe('I6 first come, first served', () => {
  /** Clients 2, then 3 wait for server 1, which client 1 held. */
  function queued(): TraceBuilder {
    const built = new TraceBuilder().pool(1, 1).open(1).login(1).login(2).login(3).login(4).grant(1, 1)
    return built.queue(2).queue(3).release(1, 1)
  }

  it('refuses a grant out of order', () => {
    const built = queued().endWait(3, 1).grant(3, 1).release(3, 1).endWait(2, 1).grant(2, 1).release(2, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I6'])
  })
  it('refuses a client that gets a server without waiting while others wait', () => {
    const built = queued().grant(4, 1).release(4, 1).endWait(2, 4).endWait(3, 4)
    assert.deepEqual(brokenBy(built.end()), ['I6'])
  })
  it('does not count those that stopped waiting', () => {
    const built = queued().endWait(2, 4).endWait(3, 1).grant(3, 1).release(3, 1)
    assert.deepEqual(brokenBy(built.stop()), [])
  })
})

describe('I7 no idle server while a client waits', () => {
  it('refuses more than 50 ms of it', () => {
    const waited = (ms: number): TraceBuilder => world().clientSays(1, query('a')).queue(1).wait(ms)
    const late = (ms: number): TraceBuilder =>
      waited(ms).accept(8).closeClient(8).endWait(1, 1).grant(1, 1).toServer(1, 1, query('a'))
    assert.deepEqual(brokenBy(late(51).answer(1, 1, answer).release(1, 1).stop()), ['I7'])
    assert.deepEqual(brokenBy(late(50).answer(1, 1, answer).release(1, 1).stop()), [])
    const heldUp = waited(51).endWait(1, 1).grant(1, 1).toServer(1, 1, query('a'))
    assert.deepEqual(brokenBy(heldUp.answer(1, 1, answer).release(1, 1).stop()), [])
  })
  it('refuses a lease in which nothing is owed any more', () => {
    const kept = (looks: number): TraceBuilder => {
      const built = asked().answer(1, 1, answer)
      for (let id = 10; id < 10 + looks; id++) built.wait(100).accept(id).closeClient(id)
      return built.release(1, 1).stop()
    }
    assert.deepEqual(brokenBy(kept(6)), ['I7'])
    assert.deepEqual(brokenBy(kept(4)), [])
  })
  it('lets a client of a session pool keep its server, until it leaves', () => {
    const sessionWorld = (): TraceBuilder => new TraceBuilder().pool(1, 2, 1).open(1).login(1)
    const used = sessionWorld().grant(1, 1).ask(1, 1, query('a')).answer(1, 1, answer)
    for (let id = 10; id < 16; id++) used.wait(100).accept(id).closeClient(id)
    assert.deepEqual(brokenBy(used.release(1, 1).stop()), [])
    const left = sessionWorld().grant(1, 1).ask(1, 1, query('a')).answer(1, 1, answer).closeClient(1)
    for (let id = 10; id < 16; id++) left.wait(100).accept(id).closeClient(id)
    assert.deepEqual(brokenBy(left.release(1, 1).stop()), ['I7'])
  })
  it('does not mind a lease in a transaction, one with a request under way, or a pause of the whole pooler', () => {
    const kept = (built: TraceBuilder, firstId: number): TraceBuilder => {
      for (let id = firstId; id < firstId + 9; id++) built.wait(100).accept(id).closeClient(id)
      return built
    }
    const begun = kept(asked().answer(1, 1, selected(text, 'T')), 10).ask(1, 1, query('b'))
    assert.deepEqual(brokenBy(kept(begun, 20).answer(1, 1, selected('b')).release(1, 1).stop()), [])
    const paused = asked().answer(1, 1, answer).wait(1000).release(1, 1)
    assert.deepEqual(brokenBy(paused.stop()), [])
  })
  it('does not count a server that the pooler itself is asking', () => {
    const built = new TraceBuilder().pool(1, 1).open(1).login(1).toServer(1, 0, query('select 1')).queue(1).wait(100)
    built.serverSays(1, answer).swallow(1, answer.length, 2).endWait(1, 1).grant(1, 1).release(1, 1)
    assert.deepEqual(brokenBy(built.stop()), [])
  })
})

describe('I8 cancel', () => {
  it('goes red when it is sent too late: another client has the server', () => {
    const built = asked().cancelReceived(1).answer(1, 1, answer).release(1, 1).grant(2, 1).ask(2, 1, query('b'))
    built.cancelSent(1, 1).answer(2, 1, selected('b')).cancelDone(1, 1).release(2, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I8'])
  })
  it('goes red when nobody has it', () => {
    assert.deepEqual(brokenBy(world().cancelSent(1, 1).cancelDone(1, 1).stop()), ['I8'])
  })
  it('names client 0 only when the holder is gone', () => {
    assert.deepEqual(brokenBy(asked().cancelSent(0, 1).cancelDone(0, 1).answer(1, 1, answer).release(1, 1).stop()), [
      'I8',
    ])
    const gone = asked().closeClient(1, 1).cancelSent(1, 1).cancelDone(1, 1).destroy(1).close(1)
    assert.deepEqual(brokenBy(gone.stop()), ['I8'])
  })
  it('refuses a release, and a lease to another, before it is done', () => {
    const built = asked()
      .cancelReceived(1)
      .cancelSent(1, 1)
      .answer(1, 1, answer)
      .release(1, 1)
      .grant(2, 1)
      .cancelDone(1, 1)
      .release(2, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I3', 'I8'])
  })
  it('refuses a new request before it is done, but not copy data', () => {
    const next = asked().cancelReceived(1).cancelSent(1, 1).answer(1, 1, answer).ask(1, 1, query('b')).cancelDone(1, 1)
    assert.deepEqual(brokenBy(next.answer(1, 1, selected('b')).release(1, 1).stop()), ['I8'])
    const rollback = asked('begin').closeClient(1, 1).cancelSent(0, 1).toServer(1, 0, query('rollback'))
    assert.deepEqual(brokenBy(rollback.cancelDone(0, 1).destroy(1).close(1).stop()), ['I8'])
    const copy = asked('copy')
      .answer(1, 1, copyInResponse())
      .cancelReceived(1)
      .cancelSent(1, 1)
      .ask(1, 1, copyData('x'))
      .cancelDone(1, 1)
    assert.deepEqual(brokenBy(copy.answer(1, 1, error('ERROR', 'canceled'), ready()).release(1, 1).stop()), [])
  })
  it("refuses one that would hit the pooler's own request", () => {
    const built = world()
      .grant(1, 1)
      .toServer(1, 0, query('set'))
      .ask(1, 1, query('a'))
      .cancelReceived(1)
      .cancelSent(1, 1)
    assert.deepEqual(brokenBy(built.cancelDone(1, 1).destroy(1).close(1).closeClient(1).end()), ['I8'])
  })
  it('takes the Sync with which the pooler closes the group of a client that is gone', () => {
    const failed = [error('ERROR', 'the client has left'), ready()]
    const built = world().grant(1, 1).ask(1, 1, parse('', 'copy'), bind(''), execute())
    built
      .answer(1, 1, parsed(), bound(), copyInResponse())
      .closeClient(1, 1)
      .toServer(1, 0, message('f', 'gone\0'), sync())
    built
      .cancelSent(0, 1)
      .serverSays(1, ...failed)
      .swallow(1, Buffer.concat(failed).length, 3)
      .cancelDone(0, 1)
    assert.deepEqual(brokenBy(built.release(1, 1).stop()), [])
  })
  it('refuses one that nobody has asked for, or that was asked for in another lease', () => {
    const sent = (built: TraceBuilder): TraceBuilder =>
      built.cancelSent(1, 1).cancelDone(1, 1).answer(1, 1, answer).release(1, 1)
    assert.deepEqual(brokenBy(sent(asked()).stop()), ['I8'])
    assert.deepEqual(brokenBy(sent(asked().cancelReceived(2)).stop()), ['I8'])
    assert.deepEqual(brokenBy(sent(asked().cancelReceived(1)).stop()), [])
    const late = asked().cancelReceived(1).answer(1, 1, answer).release(1, 1).grant(1, 1).ask(1, 1, query(text))
    assert.deepEqual(brokenBy(sent(late).stop()), ['I8'])
    const twice = asked().cancelReceived(1).cancelSent(1, 1).cancelDone(1, 1)
    assert.deepEqual(brokenBy(sent(twice).stop()), ['I8'])
  })
  it('goes red when what a client leaves running is not cancelled', () => {
    const left = (ms: number): TraceBuilder => asked().closeClient(1, 1).wait(ms)
    const settled = (ms: number): TraceBuilder => cancelled(left(ms).accept(8).closeClient(8))
    const cancelled = (built: TraceBuilder): TraceBuilder =>
      built.cancelSent(0, 1).cancelDone(0, 1).serverSays(1, answer)
    const end = (built: TraceBuilder): TraceBuilder => built.swallow(1, answer.length, 3).release(1, 1).stop()
    assert.deepEqual(brokenBy(end(settled(51))), ['I8'])
    assert.deepEqual(brokenBy(end(settled(50))), [])
    const heldUp = cancelled(left(51))
    assert.deepEqual(brokenBy(end(heldUp)), [])
    const quick = asked().closeClient(1, 1).wait(50).serverSays(1, answer).wait(1)
    assert.deepEqual(brokenBy(end(quick)), [])
    const destroyed = asked().closeClient(1, 1).wait(50).destroy(1).close(1).wait(100)
    assert.deepEqual(brokenBy(destroyed.stop()), [])
  })
  it('lets the statement run of a client that says goodbye, or that was cancelled already', () => {
    const goodbye = asked().quit(1).wait(100).serverSays(1, answer).swallow(1, answer.length, 3).release(1, 1)
    assert.deepEqual(brokenBy(goodbye.stop()), [])
    const before = asked().cancelReceived(1).cancelSent(1, 1).cancelDone(1, 1).closeClient(1, 1).wait(100)
    assert.deepEqual(brokenBy(before.serverSays(1, answer).swallow(1, answer.length, 3).release(1, 1).stop()), [])
  })
  it("waits with that for the end of the pooler's own request", () => {
    const built = world().grant(1, 1).toServer(1, 0, query('set')).ask(1, 1, query(text)).closeClient(1, 1).wait(100)
    built.serverSays(1, selected('set')).swallow(1, selected('set').length, 2).cancelSent(0, 1).cancelDone(0, 1)
    built.serverSays(1, answer).swallow(1, answer.length, 3).release(1, 1)
    assert.deepEqual(brokenBy(built.stop()), [])
  })
  it('waits with that for the end of the cancel that was meant for the request before', () => {
    const asking = asked().ask(1, 1, query(text)).cancelReceived(1).cancelSent(1, 1).answer(1, 1, answer)
    const others = (built: TraceBuilder): TraceBuilder => built.accept(8).closeClient(8).accept(9).closeClient(9)
    const left = others(asking.closeClient(1, 1).wait(100)).cancelDone(1, 1)
    const ended = (built: TraceBuilder): TraceBuilder =>
      built.cancelSent(0, 1).cancelDone(0, 1).serverSays(1, answer).swallow(1, answer.length, 3).release(1, 1).stop()
    assert.deepEqual(brokenBy(ended(left)), [])
  })
  it('and from the end of that one on it is late like any other', () => {
    const asking = asked().ask(1, 1, query(text)).cancelReceived(1).cancelSent(1, 1).answer(1, 1, answer)
    const left = asking.closeClient(1, 1).wait(10).cancelDone(1, 1).wait(51).accept(8).closeClient(8).accept(9)
    assert.deepEqual(brokenBy(left.destroy(1).close(1).stop()), ['I8'])
  })
  it('refuses one key for two clients, as long as both are there', () => {
    const login = (built: TraceBuilder, client: number): TraceBuilder =>
      built.accept(client).clientSays(client, startup()).discard(client, startup().length, 1).authenticate(client, 1)
    const both = login(world(), 3).toClient(3, 0, loggedIn(1))
    assert.deepEqual(brokenBy(both.stop()), ['I8'])
    const after = login(world().quit(1), 3).toClient(3, 0, loggedIn(1))
    assert.deepEqual(brokenBy(after.stop()), [])
  })
  it('refuses to take a cancel for one of another client, or of nobody', () => {
    const named = (key: number): TraceBuilder =>
      world().accept(3).clientSays(3, cancelRequest(key)).discard(3, 16, 1).cancelReceived(1).closeClient(3)
    assert.deepEqual(brokenBy(named(2).stop()), ['I8'])
    assert.deepEqual(brokenBy(named(9).stop()), ['I8'])
    assert.deepEqual(brokenBy(named(1).stop()), [])
  })
  it('refuses an end that names somebody else', () => {
    const built = asked().cancelReceived(1).cancelSent(1, 1).answer(1, 1, answer).cancelDone(2, 1).release(1, 1)
    assert.deepEqual(brokenBy(built.stop()), ['I8'])
  })
  it('refuses a wait that was cancelled though nobody asked for it', () => {
    const built = new TraceBuilder().pool(1, 1).open(1).login(1).login(2).grant(1, 1).queue(2).endWait(2, 3)
    assert.deepEqual(brokenBy(built.end()), ['I8'])
  })
})

describe('I9 order and count', () => {
  it('refuses a ReadyForQuery too many', () => {
    assert.deepEqual(brokenBy(world().toClient(1, 0, ready()).end()), ['I9'])
    assert.deepEqual(brokenBy(asked().answer(1, 1, answer).toClient(1, 0, ready()).release(1, 1).end()), ['I9'])
  })
  it('refuses a second login reply', () => {
    assert.deepEqual(
      brokenBy(
        world()
          .toClient(1, 0, message('R', Buffer.alloc(4)))
          .end(),
      ),
      ['I9'],
    )
  })
  it('refuses replies to what was not asked', () => {
    for (const reply of [row('a'), parsed(), bound(), complete('SELECT 1'), copyInResponse(), message('V')]) {
      assert.deepEqual(brokenBy(world().toClient(1, 0, reply).end()), ['I9'])
    }
    const built = world().grant(1, 1).ask(1, 1, functionCall()).toClient(1, 0, row('a')).destroy(1).close(1)
    assert.deepEqual(brokenBy(built.closeClient(1).end()), ['I9'])
  })
  it('goes red when a reply is missing: the next one answers the wrong request', () => {
    const first = query('a')
    const built = world().clientSays(1, first, query('b')).cancelReceived(1).discard(1, first.length, 4).grant(1, 1)
    built.toServer(1, 1, query('b')).answer(1, 1, selected('b')).release(1, 1)
    assert.deepEqual(brokenBy(built.end()), ['I9'])
  })
  it('goes red when the answer to a cancelled request never comes', () => {
    const built = world().clientSays(1, query('a')).discard(1, query('a').length, 4).wait(51).quit(1)
    assert.deepEqual(brokenBy(built.end()), ['I9'])
  })
  it('goes red when what the pooler answers itself is answered late, or too early', () => {
    const naming = query("set taxirank.holder = 'a'")
    const named = [complete('SET'), ready()]
    const late = world()
      .clientSays(1, naming)
      .discard(1, naming.length, 8)
      .toClient(1, 0, ...named)
    assert.deepEqual(brokenBy(late.stop()), ['I9'])
    const early = asked()
      .clientSays(1, naming)
      .toClient(1, 0, ...named)
      .discard(1, naming.length, 8)
    assert.deepEqual(brokenBy(early.answer(1, 1, answer).release(1, 1).stop()), ['I9'])
  })
  it('goes red when a client whose server was destroyed goes on', () => {
    const lost = (): TraceBuilder => asked().serverSays(1, answer).destroy(1).close(1)
    assert.deepEqual(brokenBy(lost().clientSays(1, query('b')).grant(1, 2).release(1, 2).closeClient(1).end()), ['I9'])
    assert.deepEqual(brokenBy(lost().wait(51).quit(1).end()), ['I9'])
    assert.deepEqual(brokenBy(lost().toClient(1, 0, error('FATAL', 'lost')).wait(51).closeClient(1).end()), [])
    assert.deepEqual(brokenBy(lost().closeClient(1, 1).end()), [])
    const through = asked().answer(1, 1, answer).destroy(1).close(1).transaction(1, 2, 'b')
    assert.deepEqual(brokenBy(through.stop()), [])
  })
  it('lets the pooler answer with an error and ReadyForQuery of its own', () => {
    const lost = asked().destroy(1).close(1).toClient(1, 0, error('ERROR', 'lost'), ready()).wait(60)
    assert.deepEqual(brokenBy(lost.stop()), [])
  })
  it('skips nothing after an error that answers nothing', () => {
    const built = world()
      .grant(1, 1)
      .ask(1, 1, parse('', 'x'))
      .answer(1, 1, parsed())
      .toClient(1, 0, error('ERROR', 'x'))
    built.ask(1, 1, bind(''), sync()).answer(1, 1, bound(), ready())
    assert.deepEqual(brokenBy(built.release(1, 1).stop()), [])
  })
  it('knows what an error skips: up to the next Sync, Query too', () => {
    const skipped = (): TraceBuilder =>
      world()
        .grant(1, 1)
        .ask(1, 1, parse('', 'x'), bind(''), query('y'), sync())
        .answer(1, 1, error('ERROR', 'x'), ready())
    assert.deepEqual(brokenBy(skipped().release(1, 1).stop()), [])
    assert.deepEqual(brokenBy(skipped().toClient(1, 0, ready()).release(1, 1).end()), ['I9'])
  })
})

describe('I10 conservation', () => {
  function forwarded(change: (reply: Buffer) => Buffer): readonly string[] {
    return brokenBy(
      asked()
        .serverSays(1, answer)
        .toClient(1, 1, change(Buffer.from(answer)))
        .release(1, 1)
        .end(),
    )
  }

  it('goes red when one byte of a reply is changed', () => {
    assert.deepEqual(
      forwarded((reply) => {
        reply[reply.indexOf('SELECT')] = 0x62
        return reply
      }),
      ['I10'],
    )
  })
  it('goes red when one byte of a reply is dropped', () => {
    assert.ok(forwarded((reply) => Buffer.concat([reply.subarray(0, 20), reply.subarray(21)])).includes('I10'))
    assert.deepEqual(
      forwarded((reply) => reply.subarray(0, reply.length - 1)),
      ['I3'],
    )
  })
  it('goes red when a byte of a request is changed, or one is made up', () => {
    const changed = world().grant(1, 1).clientSays(1, query('a')).toServer(1, 1, query('b'))
    assert.deepEqual(brokenBy(changed.answer(1, 1, answer).release(1, 1).stop()), ['I10'])
    const more = world().grant(1, 1).clientSays(1, query('a')).toServer(1, 1, query('a'), query('b'))
    assert.ok(brokenBy(more.destroy(1).close(1).closeClient(1).end()).includes('I10'))
  })
  it('goes red when more is used up than came', () => {
    assert.deepEqual(brokenBy(world().serverSays(1, parameter('a', 'b')).swallow(1, 99, 4).stop()), ['I10'])
    assert.deepEqual(brokenBy(world().discard(1, 1, 6).closeClient(1).end()), ['I10'])
  })
})

describe('I12 identity', () => {
  const pools = (): TraceBuilder => new TraceBuilder().pool(1, 1).pool(2, 1).open(1).open(2, 2)

  it('refuses a server, or a wait, of another pool', () => {
    assert.deepEqual(brokenBy(pools().login(1, 1).grant(1, 2).release(1, 2).stop()), ['I12'])
    assert.deepEqual(brokenBy(pools().login(1, 1).queue(1, 2).endWait(1, 4, 2).stop()), ['I12'])
    assert.deepEqual(brokenBy(pools().login(1, 0).grant(1, 2).release(1, 2).stop()), ['I12'])
  })
  it('refuses a lease at login in another pool than the client then authenticates for', () => {
    const built = pools().accept(1).clientSays(1, startup()).grant(1, 2).release(1, 2).authenticate(1, 1)
    built.closeClient(1)
    assert.deepEqual(brokenBy(built.end()), ['I12'])
  })
})

describe('I13 nothing before authentication', () => {
  it("refuses a client's bytes on a server", () => {
    const built = new TraceBuilder()
      .pool(1, 1)
      .open(1)
      .accept(1)
      .clientSays(1, startup())
      .discard(1, startup().length, 1)
    built.grant(1, 1).ask(1, 1, query('a')).destroy(1).close(1).closeClient(1)
    assert.deepEqual(brokenBy(built.end()), ['I13'])
  })
  it('refuses ReadyForQuery', () => {
    const built = new TraceBuilder()
      .pool(1, 1)
      .accept(1)
      .clientSays(1, startup())
      .toClient(1, 0, ready())
      .closeClient(1)
    assert.deepEqual(brokenBy(built.end()), ['I13'])
  })
})

describe('I15 no replay', () => {
  it('refuses a request on a second server', () => {
    const built = asked().destroy(1).close(1).grant(1, 2).toServer(2, 1, query('a')).answer(1, 2, answer).release(1, 2)
    assert.deepEqual(brokenBy(built.end()), ['I9', 'I15', 'I10'])
  })
  it('refuses the rest of a message that began on another server', () => {
    const built = world().grant(1, 1).clientSays(1, query('abc')).toServer(1, 1, query('abc').subarray(0, 7))
    built.destroy(1).close(1).grant(1, 2).toServer(2, 1, query('abc').subarray(7)).destroy(2).close(2).closeClient(1)
    assert.ok(brokenBy(built.end()).includes('I15'))
  })
})

describe('I18 terminal cleanliness', () => {
  it('refuses an open client, server or cancel, a lease, and a missing end', () => {
    assert.deepEqual(brokenBy(new TraceBuilder().pool(1, 1).login(1).add(22, 0)), ['I18'])
    assert.deepEqual(brokenBy(new TraceBuilder().pool(1, 1).open(1).add(22, 0)), ['I18'])
    assert.deepEqual(brokenBy(asked().closeClient(1, 1).add(22, 0)), ['I18'])
    const cancelled = asked().cancelReceived(1).cancelSent(1, 1).destroy(1).close(1).closeClient(1).end()
    assert.deepEqual(brokenBy(cancelled), ['I18'])
    assert.deepEqual(brokenBy(new TraceBuilder().pool(1, 1)), ['I18'])
  })
})

describe('T the trace itself', () => {
  const broken: Readonly<Record<string, TraceBuilder>> = {
    'an unknown client': world().toClient(9, 0, ready()).end(),
    'an unknown server': world().toServer(9, 0, sync()).end(),
    'an unknown pool': world().opening(9, 9).end(),
    'a client id used again': world().closeClient(1).accept(1).end(),
    'a server id used again': world().destroy(1).close(1).opening(1).end(),
    'bytes to a client that was closed': world().closeClient(1).toClient(1, 0, parameter('a', 'b')).end(),
    'a pool that changes its name': world().add(1, 1, 2, 0, Buffer.from('other\0user')).end(),
    'time that goes back': world().wait(-1).end(),
    'time that is no number': world().wait(NaN).end(),
    'a kind nobody knows': world().add(26, 0).end(),
    'anything after the end': world().end().pool(1, 3),
    'a length of 3 towards a client': world()
      .toClient(1, 0, Buffer.from([0x4e, 0, 0, 0, 3]))
      .end(),
    'a length of 2 GB towards a server': world()
      .toServer(1, 0, Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]))
      .end(),
    'a server ready before its login ended': new TraceBuilder()
      .pool(1, 1)
      .opening(1)
      .add(11, 1, 1)
      .destroy(1)
      .close(1)
      .end(),
    'the end of a cancel that was never sent': world().cancelDone(1, 1).end(),
  }
  for (const [what, built] of Object.entries(broken)) {
    it(`refuses ${what}`, () => assert.deepEqual(brokenBy(built), ['T']))
  }

  it('refuses a cut-off record, unless the trace may be unfinished', () => {
    const trace = world().end().bytes()
    for (const isUnfinished of [true, false]) {
      const checker = new Checker({ isUnfinished })
      checker.push(trace.subarray(0, trace.length - 30))
      assert.deepEqual([...checker.finish().byRule.keys()], isUnfinished ? [] : ['T', 'I18'])
    }
  })
})

describe('copy in', () => {
  it('counts one ReadyForQuery for two Syncs when the first came early', () => {
    const built = (): TraceBuilder =>
      world()
        .grant(1, 1)
        .ask(1, 1, parse('', 'copy'), bind(''), execute(), sync(), copyData('1'), copyDone(), sync())
        .answer(1, 1, parsed(), bound(), copyInResponse(), complete('COPY 1'), ready())
    assert.deepEqual(brokenBy(built().release(1, 1).stop()), [])
    assert.deepEqual(brokenBy(built().toClient(1, 0, ready()).release(1, 1).end()), ['I9'])
  })
})
