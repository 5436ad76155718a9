import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  TraceBuilder,
  bind,
  bound,
  closeStatement,
  closed,
  complete,
  copyDone,
  copyInResponse,
  describeStatement,
  error,
  execute,
  flush,
  functionCall,
  headBytes,
  message,
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

const text = 'select $1'
const missing = error('ERROR', 'no such statement')
const nobody = closeStatement('taxirank_0')

/** Ends whatever is under way. */
function dropped(built: TraceBuilder): TraceBuilder {
  return built.destroy(1).close(1).closeClient(1)
}

/** Client 1 has Parsed "S_1", and server 1 has it as "taxirank_1"; nobody holds it. */
function following(): TraceBuilder {
  return parsedAs(world().grant(1, 1), 'S_1', 'taxirank_1').release(1, 1)
}

/** Client 1 Parses on server 1, which has it under another name. */
function parsedAs(built: TraceBuilder, said: string, sent: string, what = text): TraceBuilder {
  const asked = built.askAs(1, 1, parse(said, what), parse(sent, what)).ask(1, 1, sync())
  return asked.answer(1, 1, parsed(), ready())
}

/** A Bind with nothing behind it, which succeeds or finds no statement. */
function boundAs(built: TraceBuilder, client: number, server: number, said: string, sent: string): TraceBuilder {
  const asked = built.askAs(client, server, bind(said), bind(sent)).ask(client, server, sync())
  return asked.answer(client, server, bound(), ready())
}

function missed(built: TraceBuilder, client: number, server: number, said: string, sent: string): TraceBuilder {
  const asked = built.askAs(client, server, bind(said), bind(sent)).ask(client, server, sync())
  return asked.answer(client, server, missing, ready())
}

for (const [mode, from] of Object.entries({ transaction: world, session: sessions })) {
  describe(`I11 statements in ${mode} mode`, () => {
    const parsedBy1 = (name: string): TraceBuilder =>
      from().grant(1, 1).ask(1, 1, parse(name, 'a'), sync()).answer(1, 1, parsed(), ready())

    it("refuses another client's unnamed statement", () => {
      const built = parsedBy1('').release(1, 1).grant(2, 1).ask(2, 1, bind(''), execute(), sync())
      built.answer(2, 1, bound(), complete('SELECT 1'), ready())
      assert.deepEqual(brokenBy(built.release(2, 1).stop()), ['I11'])
      const checker = new Checker()
      checker.push(built.bytes())
      assert.equal(checker.finish().breaches, 1)
    })
    it('lets a Query drop the unnamed statement before somebody else asks for it', () => {
      const built = parsedBy1('').release(1, 1).grant(2, 1).ask(2, 1, query('select 1')).answer(2, 1, selected('1'))
      built.ask(2, 1, bind(''), execute(), sync()).answer(2, 1, missing, ready())
      assert.deepEqual(brokenBy(built.release(2, 1).stop()), [])
    })
    it("takes the holder's unnamed statement, Parsed anew by the pooler, and no other", () => {
      const anew = (what: string): readonly string[] => {
        const built = parsedBy1('').toServer(1, 0, parse('', what)).ask(1, 1, bind(''), execute(), sync())
        return brokenBy(
          built.answerOwn(1, parsed()).answer(1, 1, bound(), complete('SELECT 1'), ready()).destroy(1).close(1).end(),
        )
      }
      assert.ok(!anew('a').includes('I11'))
      assert.ok(anew('b').includes('I11'))
    })
    it("forgets them when the pooler's own command has dropped all", () => {
      const lent = (reset: (built: TraceBuilder) => TraceBuilder): readonly string[] => {
        const built = reset(parsedBy1('s')).grant(2, 1).ask(2, 1, describeStatement('s'), sync())
        return brokenBy(built.answer(2, 1, missing, ready()).destroy(1).close(1).stop())
      }
      assert.deepEqual(
        lent((built) => built.reset(1, 1, 'discard all', complete('DISCARD ALL'), ready())),
        [],
      )
      assert.ok(lent((built) => built.reset(1, 1, 'reset all', complete('RESET'), ready())).includes('I11'))
    })
    it('knows that PostgreSQL keeps 63 bytes of a name', () => {
      const built = parsedBy1('n'.repeat(70))
      built.ask(1, 1, describeStatement('n'.repeat(63)), sync()).answer(1, 1, message('n'), ready())
      assert.deepEqual(brokenBy(built.destroy(1).close(1).end()), [])
      if (mode === 'session') return
      const other = parsedBy1('n'.repeat(70))
        .release(1, 1)
        .grant(2, 1)
        .ask(2, 1, bind('n'.repeat(63)), sync())
      assert.deepEqual(brokenBy(other.answer(2, 1, bound(), ready()).release(2, 1).stop()), ['I11'])
    })
    it('knows that a Parse that failed has dropped the unnamed statement', () => {
      const built = parsedBy1('').release(1, 1).grant(2, 1).ask(2, 1, parse('', 'selec'), sync())
      built.answer(2, 1, error('ERROR', 'x'), ready()).ask(2, 1, bind(''), sync()).answer(2, 1, missing, ready())
      assert.deepEqual(brokenBy(built.release(2, 1).stop()), [])
    })
    it('forgets a statement that its client closed', () => {
      const built = parsedBy1('s').ask(1, 1, closeStatement('s'), sync()).answer(1, 1, closed(), ready())
      built.ask(1, 1, describeStatement('s'), sync()).answer(1, 1, missing, ready())
      assert.deepEqual(brokenBy(built.destroy(1).close(1).stop()), [])
    })
  })
}

describe('I10 conservation, replaced bytes of a client', () => {
  /** Client 1 says it, on server 1; the first `count` bytes stand as others. */
  function replaced(said: Buffer, count: number, bytes: Buffer, from = world): readonly string[] {
    const built = from().grant(1, 1).clientSays(1, said).replaceOfClient(1, count, bytes)
    return brokenBy(dropped(built.toServer(1, 1, bytes, said.subarray(count))).end())
  }

  function replacedHead(said: Buffer, sent: Buffer, from = world): readonly string[] {
    return replaced(said, headBytes(said), sent.subarray(0, headBytes(sent)), from)
  }

  it('takes another name for a statement, also of another length, and in front of more', () => {
    for (const make of [(name: string) => parse(name, text), bind, describeStatement, closeStatement]) {
      for (const name of ['', 'x', 'taxirank_12345']) assert.deepEqual(replacedHead(make('S_1'), make(name)), [], name)
    }
    const said = Buffer.concat([bind('S_1'), query('a')])
    assert.deepEqual(replaced(said, 10, bind('other').subarray(0, 12)), [])
  })

  const others: Readonly<Record<string, readonly [Buffer, Buffer]>> = {
    'a Bind of another portal': [bind('S_1'), message('B', 'p\0S_1\0', Buffer.alloc(6))],
    'a Describe of a portal': [describeStatement('S_1'), message('D', 'PS_1\0')],
    'a Describe in place of a Close': [closeStatement('S_1'), describeStatement('S_1')],
    'a Close in place of a Describe': [describeStatement('S_1'), closeStatement('S_1')],
    'a Bind in place of a Query': [query('select 1'), bind('S_1')],
    'a Query in place of a Parse': [parse('S_1', 'x'), query('x')],
    'another text under a name': [parse('S_1', text), parse('S_2', 'select 2')],
    'a Close in place of a Parse of the unnamed statement': [parse('', text), nobody],
    'a Close of a portal in place of a Parse': [parse('S_1', text), message('C', 'Px\0')],
    'another Execute': [execute(), message('E', 'p\0', Buffer.alloc(4))],
    'another FunctionCall': [functionCall(), message('F', Buffer.alloc(11))],
    'a Flush in place of a Sync': [sync(), flush()],
    'other copy data': [message('d', 'a'), message('d', 'b')],
    'two messages in place of one': [query('a'), Buffer.concat([query('a'), query('b')])],
    'half a message': [query('a'), query('a').subarray(0, 6)],
    'less than a header': [query('a'), Buffer.from('Q')],
    nothing: [query('a'), Buffer.alloc(0)],
  }
  for (const [what, [said, sent]] of Object.entries(others)) {
    it(`refuses ${what}`, () => assert.equal(replaced(said, said.length, sent)[0], 'I10'))
  }

  it('refuses a length that does not fit the rest', () => {
    const head = bind('taxirank_1').subarray(0, headBytes(bind('taxirank_1')))
    head.writeUInt32BE(bind('S_1').readUInt32BE(1), 1)
    assert.equal(replaced(bind('S_1'), headBytes(bind('S_1')), head)[0], 'I10')
  })
  it('refuses a name or a text that is replaced in part, and two messages at once', () => {
    assert.equal(replaced(bind('S_1'), 8, bind('T_1').subarray(0, 8))[0], 'I10')
    assert.equal(replaced(query('abc'), 7, query('xbc').subarray(0, 7))[0], 'I10')
    const two = Buffer.concat([describeStatement('a'), describeStatement('b')])
    assert.equal(replaced(two, two.length, describeStatement('a'))[0], 'I10')
  })
  it('refuses bytes within a message, and more than came', () => {
    assert.equal(replaced(query('a'), 8, query('b'))[0], 'I10')
    const outer = message('Q', describeStatement('x'))
    const inner = (built: TraceBuilder): readonly string[] => {
      built.toServer(1, 1, outer.subarray(0, 5)).replaceOfClient(1, outer.length - 5, describeStatement('y'))
      return brokenBy(dropped(built.toServer(1, 1, describeStatement('y'))).end())
    }
    assert.deepEqual(inner(world().grant(1, 1).clientSays(1, outer)), ['I10'])
    assert.deepEqual(inner(world().grant(1, 1).clientSays(1, query('a')).replaceOfClient(1, 7, outer)), ['I10'])
    const twice = world().grant(1, 1).clientSays(1, query('a')).replaceOfClient(1, 7, query('b'))
    assert.equal(brokenBy(dropped(twice.replaceOfClient(1, 7, query('c')).toServer(1, 1, query('c'))).end())[0], 'I10')
  })
  it('refuses all of it before a client has logged in', () => {
    const built = new TraceBuilder().pool(1, 1).open(1).accept(1).clientSays(1, startup())
    built.discard(1, startup().length, 1).grant(1, 1).askAs(1, 1, query('a'), query('b'))
    assert.deepEqual(brokenBy(dropped(built).end()), ['I10', 'I13'])
  })
  it('refuses all of it in session mode, and on the console', () => {
    assert.deepEqual(replacedHead(bind('S_1'), bind('x'), sessions), ['I10'])
    assert.deepEqual(replacedHead(query('deallocate a'), query('deallocate b'), sessions), ['I10'])
    const built = world().login(3, 0).clientSays(3, query('a')).replaceOfClient(3, 7, query('b')).discard(3, 7, 5)
    assert.deepEqual(brokenBy(built.toClient(3, 0, complete('SHOW'), ready()).end()), ['I10'])
  })
  it('wants it forwarded at once, as it stands', () => {
    const built = (): TraceBuilder => world().grant(1, 1).clientSays(1, query('a')).replaceOfClient(1, 7, query('b'))
    assert.deepEqual(brokenBy(dropped(built()).end()), ['I10'])
    assert.deepEqual(brokenBy(dropped(built().toServer(1, 1, query('c'))).end()), ['I10'])
    assert.deepEqual(brokenBy(dropped(built().toServer(1, 1, query('a'))).end()), ['I10'])
    assert.equal(brokenBy(dropped(built().toServer(1, 0, query('own'))).end())[0], 'I10')
    const between = built().queue(2).endWait(2, 4).toServer(1, 1, query('b'))
    assert.deepEqual(brokenBy(dropped(between).end()), ['I10'])
    assert.deepEqual(brokenBy(dropped(built().toServer(1, 1, query('b'))).end()), [])
  })
})

describe('I10 conservation, a Parse that the server need not see', () => {
  function skipped(built: TraceBuilder, what: string, sent: Buffer): TraceBuilder {
    const asked = built.grant(2, 1).askAs(2, 1, parse('mine', what), sent).ask(2, 1, sync())
    return asked.answerAs(2, 1, closed(), parsed()).answer(2, 1, ready()).release(2, 1)
  }

  it('takes it where the server has the statement, or had it until all were dropped', () => {
    assert.deepEqual(brokenBy(skipped(following(), text, nobody).stop()), [])
    const discarded = following().grant(1, 1).ask(1, 1, query('discard all'))
    discarded.answer(1, 1, complete('DISCARD ALL'), ready()).release(1, 1)
    assert.deepEqual(brokenBy(skipped(discarded, text, nobody).stop()), [])
  })
  it('refuses it where the server has no such statement', () => {
    assert.deepEqual(brokenBy(skipped(following(), 'select 2', nobody).stop()), ['I10'])
    const failed = world().grant(1, 1).askAs(1, 1, parse('S_1', text), parse('taxirank_1', text)).ask(1, 1, sync())
    failed.answer(1, 1, error('ERROR', 'x'), ready()).release(1, 1)
    assert.deepEqual(brokenBy(skipped(failed, text, nobody).stop()), ['I10'])
  })
  it('refuses to end a statement by it', () => {
    const ended = (): TraceBuilder => skipped(following(), text, closeStatement('taxirank_1'))
    assert.deepEqual(brokenBy(ended().stop()), ['I10'])
    const after = missed(ended().grant(1, 1), 1, 1, 'S_1', 'taxirank_1').release(1, 1)
    assert.deepEqual(brokenBy(after.stop()), ['I10', 'I11'])
  })
  it('goes red when its CloseComplete reaches the client', () => {
    const built = following().grant(2, 1).askAs(2, 1, parse('mine', text), nobody).ask(2, 1, sync())
    assert.equal(brokenBy(built.answer(2, 1, closed(), ready()).release(2, 1).stop())[0], 'I9')
  })
})

describe('I10 conservation, replaced bytes of a server', () => {
  const refused = error('ERROR', 'refused by the pooler')

  /** Client 1 has asked; the server's reply stands as another. */
  function answered(built: TraceBuilder, reply: Buffer, count: number, given: Buffer): readonly string[] {
    built.serverSays(1, reply).replaceOfServer(1, count, given).toClient(1, 1, given)
    return brokenBy(dropped(built).end())
  }
  const asked = (sent: Buffer): TraceBuilder => world().grant(1, 1).askAs(1, 1, query('listen x'), sent)
  const failed = error('ERROR', 'syntax')

  it("takes the pooler's ErrorResponse for one to a message that was replaced", () => {
    assert.deepEqual(answered(asked(query('x')), failed, failed.length, refused), [])
    const renamed = world().grant(1, 1).askAs(1, 1, bind('S_1'), bind('taxirank_0'))
    assert.deepEqual(answered(renamed, failed, failed.length, refused), [])
  })
  it('knows whose bytes come behind one that is longer than what it stands for', () => {
    const built = asked(query('x')).clientSays(1, bind(''), sync()).toServer(1, 0, parse('y', 'y'))
    built.toServer(1, 1, bind(''), sync()).serverSays(1, failed, ready(), parsed(), missing, ready())
    built.replaceOfServer(1, failed.length, refused).toClient(1, 1, refused).toClient(1, 1, ready())
    assert.deepEqual(brokenBy(built.swallow(1, 5, 2).toClient(1, 1, missing, ready()).release(1, 1).stop()), [])
  })
  it('refuses it for one to a message that was not replaced, and to one behind it', () => {
    const plain = world().grant(1, 1).ask(1, 1, query('x'))
    assert.deepEqual(answered(plain, failed, failed.length, refused), ['I10'])
    const behind = asked(query('x')).ask(1, 1, query('y')).answer(1, 1, complete('SELECT 1'), ready())
    assert.deepEqual(answered(behind, failed, failed.length, refused), ['I10'])
  })
  it('refuses anything but an ErrorResponse for it, and a part of it', () => {
    assert.equal(answered(asked(query('x')), failed, failed.length, message('N', 'x'))[0], 'I10')
    assert.equal(answered(asked(query('x')), failed, failed.length, Buffer.concat([refused, refused]))[0], 'I10')
    assert.equal(answered(asked(query('x')), failed, 9, refused)[0], 'I10')
    assert.equal(answered(asked(query('x')), failed, failed.length + 1, refused)[0], 'I10')
  })
  it('refuses it for any other reply, also to a message that was replaced', () => {
    assert.equal(answered(asked(query('x')), row('1'), row('1').length, row('2'))[0], 'I10')
    assert.equal(answered(asked(query('x')), row('1'), row('1').length, refused)[0], 'I10')
    const renamed = world().grant(1, 1).askAs(1, 1, bind('S_1'), bind('taxirank_0'))
    assert.equal(answered(renamed, bound(), 5, parsed())[0], 'I10')
  })
  it('refuses it for what comes in front, and a second one', () => {
    const notice = message('N', 'x')
    assert.equal(answered(asked(query('x')), Buffer.concat([notice, failed]), notice.length, refused)[0], 'I10')
    const outer = message('E', refused)
    const twice = asked(query('x')).serverSays(1, failed).replaceOfServer(1, failed.length, outer)
    twice.toClient(1, 1, outer.subarray(0, 5)).replaceOfServer(1, refused.length, refused).toClient(1, 1, refused)
    assert.deepEqual(brokenBy(dropped(twice).end()), ['I10'])
  })
  it("refuses ParseComplete for a CloseComplete that answers a Close of the client's", () => {
    const said = world().grant(1, 1).ask(1, 1, closeStatement('S_1'))
    assert.equal(answered(said, closed(), 5, parsed())[0], 'I10')
    const renamed = world().grant(1, 1).askAs(1, 1, closeStatement('S_1'), nobody)
    assert.equal(answered(renamed, closed(), 5, parsed())[0], 'I10')
  })
  it('refuses anything but ParseComplete for a CloseComplete that answers a Parse', () => {
    const standIn = following().grant(1, 1).askAs(1, 1, parse('mine', text), nobody)
    assert.equal(answered(standIn, closed(), 5, bound())[0], 'I10')
  })
  it('refuses all of it in session mode', () => {
    const built = sessions().grant(1, 1).ask(1, 1, query('x'))
    assert.deepEqual(answered(built, failed, failed.length, refused), ['I10'])
  })
})

describe("I2 attribution, what the pooler asks in a client's group", () => {
  /** Client 1 Binds on server 2, where the pooler Parses first. */
  function parsing(): TraceBuilder {
    const built = following().grant(1, 2).clientSays(1, bind('S_1')).toServer(2, 0, parse('taxirank_1', text))
    return built.sendAs(1, 2, bind('S_1'), bind('taxirank_1')).ask(1, 2, execute(), sync())
  }
  const failed = error('ERROR', 'no such table')
  const rest = [bound(), complete('SELECT 0'), ready()]
  const over = (built: TraceBuilder): readonly string[] => brokenBy(built.release(1, 2).end())

  it('lets its completion be swallowed, and not forwarded', () => {
    assert.deepEqual(
      over(
        parsing()
          .answerOwn(2, parsed())
          .answer(1, 2, ...rest),
      ),
      [],
    )
    assert.deepEqual(over(parsing().answer(1, 2, parsed(), ...rest)), ['I2', 'I9'])
  })
  it('wants that to be told by its reason', () => {
    const built = parsing().serverSays(2, parsed()).swallow(2, 5, 3)
    assert.deepEqual(over(built.answer(1, 2, ...rest)), ['I2'])
  })
  it('lets an error in it be forwarded, and not swallowed', () => {
    assert.deepEqual(over(parsing().answer(1, 2, failed, ready())), [])
    assert.deepEqual(over(parsing().answerOwn(2, failed).answer(1, 2, ready())), ['I2', 'I9'])
  })
  it("refuses to swallow the client's own completion instead", () => {
    const built = parsing()
      .serverSays(2, parsed(), ...rest)
      .swallow(2, 10, 2)
    assert.deepEqual(over(built.toClient(1, 2, ...rest.slice(1))), ['I2', 'I9'])
  })
  it("refuses another client's error", () => {
    const built = parsing().serverSays(2, failed, ready()).toClient(2, 2, failed).toClient(1, 2, ready())
    assert.deepEqual(over(built), ['I2', 'I9'])
  })
  it('takes what closes the group of a client that is gone', () => {
    const built = following().grant(1, 2).ask(1, 2, describeStatement('x')).closeClient(1, 1)
    built.toServer(2, 0, parse('', 'fails'), sync()).serverSays(2, message('n'), failed, ready())
    built.swallow(2, 5, 3).swallow(2, failed.length + 6, 2)
    assert.deepEqual(brokenBy(built.release(1, 2).end()), [])
  })
  it('takes a cancel that hits it', () => {
    const built = following().grant(1, 2).clientSays(1, bind('S_1'))
    built.toServer(2, 0, closeStatement('taxirank_7'), parse('taxirank_1', text))
    built.sendAs(1, 2, bind('S_1'), bind('taxirank_1')).ask(1, 2, sync()).cancelReceived(1).cancelSent(1, 2)
    built.answerOwn(2, closed()).answer(1, 2, failed, ready()).cancelDone(1, 2)
    assert.deepEqual(over(built), [])
  })
})

describe('I11 statements that follow their client', () => {
  const held = (server: number): TraceBuilder => following().grant(1, server)
  const over = (built: TraceBuilder): readonly string[] => brokenBy(built.end())

  it('refuses a Bind or Describe of another text', () => {
    const two = parsedAs(held(1), 'S_2', 'taxirank_2', 'select 2')
    assert.deepEqual(over(boundAs(two, 1, 1, 'S_1', 'taxirank_2').release(1, 1)), ['I11'])
    const described = parsedAs(held(1), 'S_2', 'taxirank_2', 'select 2')
    described.askAs(1, 1, describeStatement('S_1'), describeStatement('taxirank_2')).ask(1, 1, sync())
    described.answer(1, 1, message('t', Buffer.alloc(2)), message('n'), ready())
    assert.deepEqual(over(described.release(1, 1)), ['I11'])
    const failed = parsedAs(held(1), 'S_2', 'taxirank_2', 'select 2')
    assert.deepEqual(over(missed(failed, 1, 1, 'S_1', 'taxirank_2').release(1, 1)), ['I11'])
  })
  it('refuses to find none where its client has one', () => {
    assert.deepEqual(over(missed(held(2), 1, 2, 'S_1', 'taxirank_1').release(1, 2)), ['I11'])
  })
  it('takes a name that no statement has ever had, and that fails, for a refusal', () => {
    assert.deepEqual(over(missed(held(1), 1, 1, 'S_1', 'taxirank_0').release(1, 1)), [])
  })
  it('refuses to find one where its client has none', () => {
    const other = following().grant(2, 1)
    assert.deepEqual(over(boundAs(other, 2, 1, 'S_1', 'taxirank_1').release(2, 1)), ['I11'])
    const plain = following().grant(2, 1).ask(2, 1, bind('taxirank_1'), sync()).answer(2, 1, bound(), ready())
    assert.deepEqual(over(plain.release(2, 1)), ['I11'])
    assert.deepEqual(over(missed(following().grant(2, 1), 2, 1, 'S_1', 'taxirank_0').release(2, 1)), [])
  })
  it('refuses what the pooler Parses with another text or other types', () => {
    const parsing = (own: Buffer): TraceBuilder => {
      const built = held(2).clientSays(1, bind('S_1')).toServer(2, 0, own)
      built.sendAs(1, 2, bind('S_1'), bind('taxirank_1')).ask(1, 2, sync())
      return built.answerOwn(2, parsed()).answer(1, 2, bound(), ready()).release(1, 2)
    }
    assert.deepEqual(over(parsing(parse('taxirank_1', text))), [])
    assert.deepEqual(over(parsing(parse('taxirank_1', `${text} `))), ['I11'])
    const typed = message('P', `taxirank_1\0${text}\0`, Buffer.from([0, 1, 0, 0, 0, 23]))
    assert.deepEqual(over(parsing(typed)), ['I11'])
  })
  it('compares long texts to their end, in whatever pieces they come', () => {
    const long = 'x'.repeat(5000)
    const twice = (other: string): readonly string[] => {
      const built = world().grant(1, 1)
      for (const [said, sent, what] of [
        ['a', 't_1', long],
        ['b', 't_2', other],
      ] as const) {
        const [came, went] = [parse(said, what), parse(sent, what)]
        built.clientSays(1, came.subarray(0, 9)).replaceOfClient(1, 7, went.subarray(0, 9))
        built.toServer(1, 1, went.subarray(0, 11))
        for (let at = 9; at < came.length; at += 999) built.ask(1, 1, came.subarray(at, at + 999))
      }
      built.ask(1, 1, sync()).answer(1, 1, parsed(), parsed(), ready())
      return over(boundAs(built, 1, 1, 'b', 't_1').release(1, 1))
    }
    assert.deepEqual(twice(long), [])
    assert.deepEqual(twice(`${long.slice(1)}y`), ['I11'])
  })
  it('knows that a Parse that failed, or was skipped, made none', () => {
    const asked = (): TraceBuilder =>
      held(1)
        .askAs(1, 1, parse('S_2', 'x'), parse('taxirank_2', 'x'))
        .askAs(1, 1, parse('S_3', text), nobody)
        .ask(1, 1, sync())
        .answer(1, 1, error('ERROR', 'x'), ready())
    assert.deepEqual(over(missed(asked(), 1, 1, 'S_2', 'taxirank_2').release(1, 1)), [])
    assert.deepEqual(over(missed(asked(), 1, 1, 'S_3', 'taxirank_0').release(1, 1)), [])
    assert.deepEqual(over(boundAs(asked(), 1, 1, 'S_2', 'taxirank_1').release(1, 1)), ['I11'])
    assert.deepEqual(over(boundAs(asked(), 1, 1, 'S_3', 'taxirank_1').release(1, 1)), ['I11'])
  })
  it("knows that the pooler's own Parse that failed, or was skipped, made none", () => {
    const failed = held(2).clientSays(1, bind('S_1'), sync()).toServer(2, 0, parse('taxirank_1', text))
    failed.sendAs(1, 2, bind('S_1'), bind('taxirank_1')).toServer(2, 1, sync())
    failed.answer(1, 2, error('ERROR', 'no such table'), ready())
    assert.deepEqual(over(missed(failed, 1, 2, 'S_1', 'taxirank_1').release(1, 2)), ['I11'])
  })
  it('ends a statement with its Close, whoever says it', () => {
    const closing = (): TraceBuilder =>
      held(1).askAs(1, 1, closeStatement('S_1'), nobody).ask(1, 1, sync()).answer(1, 1, closed(), ready())
    assert.deepEqual(over(missed(closing(), 1, 1, 'S_1', 'taxirank_0').release(1, 1)), [])
    assert.deepEqual(over(boundAs(closing(), 1, 1, 'S_1', 'taxirank_1').release(1, 1)), ['I11'])
    const own = held(1).clientSays(1, bind('S_1'), sync()).toServer(1, 0, closeStatement('taxirank_1'))
    own.sendAs(1, 1, bind('S_1'), bind('taxirank_1')).toServer(1, 1, sync())
    assert.deepEqual(over(own.answerOwn(1, closed()).answer(1, 1, missing, ready()).release(1, 1)), ['I11'])
  })
  it("ends all with DISCARD ALL: the server's with anybody's, a client's with its own", () => {
    const discarding = (client: number): TraceBuilder =>
      following()
        .grant(client, 1)
        .ask(client, 1, query('discard all'))
        .answer(client, 1, complete('DISCARD ALL'), ready())
    assert.deepEqual(over(missed(discarding(1), 1, 1, 'S_1', 'taxirank_0').release(1, 1)), [])
    const others = discarding(2).release(2, 1).grant(1, 1)
    assert.deepEqual(over(missed(others, 1, 1, 'S_1', 'taxirank_1').release(1, 1)), ['I11'])
    const back = parsedAs(discarding(1), 'S_2', 'taxirank_1')
    assert.deepEqual(over(boundAs(back, 1, 1, 'S_1', 'taxirank_1').release(1, 1)), ['I11'])
  })
  it('does not blame what SQL may have dropped', () => {
    const dropping = (client: number): TraceBuilder =>
      following()
        .grant(client, 1)
        .ask(client, 1, query('deallocate x'))
        .answer(client, 1, complete('DEALLOCATE'), ready())
    assert.deepEqual(over(missed(dropping(1), 1, 1, 'S_1', 'taxirank_0').release(1, 1)), [])
    assert.deepEqual(over(missed(dropping(2), 2, 1, 'x', 'taxirank_1').release(2, 1)), [])
    assert.deepEqual(over(boundAs(dropping(2), 2, 1, 'x', 'taxirank_1').release(2, 1)), ['I11'])
  })
  it("does not blame a Bind that deallocates, in whose place one of the pooler's does, and no other", () => {
    const deallocated = (said: string, own: string, name = ''): readonly string[] => {
      const asked = following().grant(1, 1).ask(1, 1, parse('', said), sync()).answer(1, 1, parsed(), ready())
      asked.clientSays(1, bind(name)).toServer(1, 0, parse('given', ''), closeStatement('given'), parse('', own))
      asked.sendAs(1, 1, bind(name), bind('')).ask(1, 1, sync())
      asked.answerOwn(1, parsed(), closed(), parsed()).answer(1, 1, bound(), ready())
      return over(missed(asked, 1, 1, 'S_1', 'given').release(1, 1))
    }
    assert.deepEqual(deallocated('deallocate S_1', 'DEALLOCATE taxirank_doomed'), [])
    assert.deepEqual(deallocated('deallocate S_1', 'DEALLOCATE taxirank_2'), ['I11'])
    assert.deepEqual(deallocated('select 1', 'DEALLOCATE taxirank_doomed'), ['I11'])
    assert.deepEqual(deallocated('deallocate x', 'DEALLOCATE taxirank_doomed', 'S_1'), ['I11'])
  })
  it('does not blame what the pooler has deallocated, also if all answers come at once', () => {
    const [empty, carriedOut] = [message('I'), complete('DEALLOCATE')]
    const asked = following().grant(1, 1).askAs(1, 1, query('deallocate S_1'), query(''))
    asked.ask(1, 1, bind('S_1'), sync()).serverSays(1, empty, ready(), missing, ready())
    asked.replaceOfServer(1, empty.length, carriedOut).toClient(1, 1, carriedOut)
    assert.deepEqual(over(asked.toClient(1, 1, ready(), missing, ready()).release(1, 1)), [])
  })
})

describe('I11 statements that follow their client, without a name', () => {
  /** Client 1 has Parsed it on server 1, and holds server 2, where the pooler Parses for it. */
  function followed(between: (built: TraceBuilder) => TraceBuilder, own: string): readonly string[] {
    const built = world().grant(1, 1).ask(1, 1, parse('', text), sync()).answer(1, 1, parsed(), ready())
    between(built).release(1, 1).grant(1, 2).clientSays(1, bind(''), sync()).toServer(2, 0, parse('', own))
    built.toServer(2, 1, bind(''), sync()).answerOwn(2, parsed()).answer(1, 2, bound(), ready())
    return brokenBy(built.release(1, 2).stop())
  }

  it('takes the one that the client has, and no other', () => {
    assert.deepEqual(
      followed((built) => built, text),
      [],
    )
    assert.deepEqual(
      followed((built) => built, 'select 2'),
      ['I11'],
    )
  })
  it('knows that a Query has dropped it, or a Parse that failed', () => {
    const asked = (built: TraceBuilder): TraceBuilder =>
      built.ask(1, 1, query('x')).answer(1, 1, complete('SELECT 0'), ready())
    assert.deepEqual(followed(asked, text), ['I11'])
    const failing = (built: TraceBuilder): TraceBuilder =>
      built.ask(1, 1, parse('', 'selec'), sync()).answer(1, 1, error('ERROR', 'x'), ready())
    assert.deepEqual(followed(failing, text), ['I11'])
  })
  it('knows that a Query that was skipped has not', () => {
    const skipping = (built: TraceBuilder): TraceBuilder =>
      built.ask(1, 1, bind('none'), query('x'), sync()).answer(1, 1, missing, ready())
    assert.deepEqual(followed(skipping, text), [])
  })
  it('refuses to find none, once the pooler has Parsed for a client', () => {
    /** Server 1 lacks what client 1 has Parsed on server 2. */
    const lost = (
      own: readonly Buffer[],
      between: readonly Buffer[],
      answers: readonly Buffer[],
    ): readonly string[] => {
      const built = world()
        .grant(1, 2)
        .toServer(2, 0, ...own)
      built.ask(1, 2, parse('', text), sync(), ...between)
      if (own.length > 0) built.answerOwn(2, parsed())
      built
        .answer(1, 2, parsed(), ready(), ...answers)
        .release(1, 2)
        .grant(1, 1)
      return brokenBy(built.ask(1, 1, bind(''), sync()).answer(1, 1, missing, ready()).release(1, 1).stop())
    }
    assert.deepEqual(lost([], [], []), [])
    assert.deepEqual(lost([parse('x', text)], [], []), ['I11'])
    const deallocate = [parse('d', 'deallocate x'), bind('d'), execute(), sync()]
    const done = [parsed(), bound(), complete('DEALLOCATE'), ready()]
    assert.deepEqual(lost([parse('x', text)], deallocate, done), ['I11'])
  })
  it('takes the Parse that closes the group of a client that is gone for what it is', () => {
    const built = world().grant(2, 2).ask(2, 2, describeStatement('x')).closeClient(2, 1)
    built.toServer(2, 0, parse('', 'fails'), sync()).serverSays(2, message('n'), missing, ready())
    built
      .swallow(2, 5, 3)
      .swallow(2, missing.length + 6, 2)
      .release(2, 2)
    built.grant(1, 1).ask(1, 1, parse('', text), sync()).answer(1, 1, parsed(), ready()).release(1, 1)
    built.grant(1, 2).ask(1, 2, bind(''), sync()).answer(1, 2, missing, ready())
    assert.deepEqual(brokenBy(built.release(1, 2).stop()), [])
  })
  it('keeps it where a DISCARD ALL came in the extended protocol, as PostgreSQL does', () => {
    const discarding = (built: TraceBuilder): TraceBuilder =>
      built
        .ask(1, 1, parse('d', 'discard all'), bind('d'), execute(), sync())
        .answer(1, 1, parsed(), bound(), complete('DISCARD ALL'), ready())
    assert.deepEqual(followed(discarding, text), [])
  })
})

describe('I11 statements, what nobody can tell', () => {
  it('does not blame a pooler that lets none follow', () => {
    const built = world().grant(1, 1).ask(1, 1, parse('s', text), sync()).answer(1, 1, parsed(), ready())
    built.destroy(1).close(1).grant(1, 2).ask(1, 2, bind('s'), sync()).answer(1, 2, missing, ready())
    assert.deepEqual(brokenBy(built.release(1, 2).stop()), [])
  })
  it('believes any of a client whose server was lost with something unanswered', () => {
    const lost = (): TraceBuilder => {
      const built = following().grant(1, 2).askAs(1, 2, parse('S_2', text), parse('taxirank_1', text)).ask(1, 2, sync())
      return built.destroy(2).close(2).toClient(1, 0, error('ERROR', 'lost'), ready()).grant(1, 1)
    }
    assert.deepEqual(brokenBy(boundAs(lost(), 1, 1, 'S_2', 'taxirank_1').release(1, 1).stop()), [])
    assert.deepEqual(brokenBy(missed(lost(), 1, 1, 'S_1', 'taxirank_0').release(1, 1).stop()), [])
    const again = parsedAs(lost(), 'S_2', 'taxirank_2', 'select 2')
    assert.deepEqual(brokenBy(boundAs(again, 1, 1, 'S_2', 'taxirank_1').release(1, 1).stop()), ['I11'])
  })
  it('believes any of a client whose replies could not be counted', () => {
    const uncertain = (): TraceBuilder => {
      const built = following().grant(1, 2).ask(1, 2, parse('', 'copy'), bind(''), execute(), sync())
      built.answer(1, 2, parsed(), bound(), copyInResponse(), error('ERROR', 'x'))
      built.ask(1, 2, copyDone()).askAs(1, 2, parse('S_2', text), parse('taxirank_1', text)).ask(1, 2, sync())
      return built.answer(1, 2, ready(), parsed(), ready())
    }
    const next = (built: TraceBuilder): readonly string[] =>
      brokenBy(boundAs(built.grant(1, 1), 1, 1, 'S_2', 'taxirank_1').release(1, 1).end())
    assert.deepEqual(next(uncertain().destroy(2).close(2)), [])
    assert.deepEqual(next(uncertain().release(1, 2)), ['I3'])
  })
  it('compares nothing of a client whose stream was given up', () => {
    const sent = message('B', 'p\0taxirank_1\0', Buffer.alloc(6))
    const built = following().grant(1, 1).clientSays(1, bind('S_1')).replaceOfClient(1, bind('S_1').length, sent)
    built.toServer(1, 1, sent).ask(1, 1, sync()).answer(1, 1, bound(), ready())
    assert.deepEqual(brokenBy(built.release(1, 1).end()), ['I10'])
  })
})
