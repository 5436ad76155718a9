/** Traces without a breach, one for each thing the pooler does. The tests check them, and corrupt them. */
import {
  TraceBuilder,
  bind,
  bound,
  cancelRequest,
  closeStatement,
  closed,
  complete,
  copyData,
  copyDone,
  copyFail,
  copyInResponse,
  describeStatement,
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
  sslRequest,
  startup,
  sync,
} from './build-trace.ts'

const set = query("SET exit_on_error=on; SET application_name='a'; SET exit_on_error=off")
const setDone = Buffer.concat([complete('SET'), parameter('application_name', 'a'), ready()])
const group = [parse('', 'select $1'), bind(''), describeStatement(''), execute(), sync()]
const groupDone = [parsed(), bound(), message('t', Buffer.alloc(2)), message('T', Buffer.alloc(2)), row('1')]
const rest = [complete('SELECT 1'), ready()]

const described = [message('t', Buffer.alloc(2)), message('T', Buffer.alloc(2))]
const executed = [row('1'), complete('SELECT 1')]
const naming = query("set Taxirank.holder to 'it''s here.ts:1' ;")
const unnaming = query('RESET taxirank.holder')
/** A statement that no server has. */
const nobody = closeStatement('taxirank_0')

/** Client 1 has Parsed a statement as "S_1", and server 1 has it as "taxirank_1". */
function following(): TraceBuilder {
  return twoServers()
    .login(1)
    .login(2)
    .grant(1, 1)
    .askAs(1, 1, parse('S_1', 'select $1'), parse('taxirank_1', 'select $1'))
    .askAs(1, 1, describeStatement('S_1'), describeStatement('taxirank_1'))
    .ask(1, 1, sync())
    .answer(1, 1, parsed(), ...described, ready())
    .release(1, 1)
}

function twoServers(): TraceBuilder {
  return new TraceBuilder().pool(1, 2).open(1).open(2)
}

export const goodTraces: Readonly<Record<string, () => TraceBuilder>> = {
  'two clients over two servers': () =>
    twoServers()
      .login(1)
      .login(2)
      .grant(1, 1)
      .grant(2, 2)
      .ask(1, 1, query('select 1'))
      .ask(2, 2, query('select 2'))
      .answer(1, 1, selected('1'))
      .answer(2, 2, selected('2'))
      .release(1, 1)
      .release(2, 2)
      .wait(10)
      .transaction(1, 2, 'a')
      .transaction(2, 1, 'b')
      .stop(),

  'a client that waits, behind another': () =>
    new TraceBuilder()
      .pool(1, 1)
      .login(1)
      .login(2)
      .clientSays(1, query('a'))
      .queue(1)
      .opening(1)
      .clientSays(2, query('b'))
      .queue(2)
      .wait(3)
      .ready(1)
      .endWait(1, 1)
      .grant(1, 1)
      .toServer(1, 1, query('a'))
      .wait(100)
      .answer(1, 1, selected('a'))
      .release(1, 1)
      .endWait(2, 1)
      .grant(2, 1)
      .toServer(1, 2, query('b'))
      .answer(2, 1, selected('b'))
      .release(2, 1)
      .stop(),

  'a login that needs a server, over a refused SSLRequest': () =>
    new TraceBuilder()
      .pool(1, 1)
      .accept(1)
      .clientSays(1, sslRequest())
      .discard(1, 8, 1)
      .toClient(1, 0, Buffer.from('N'))
      .clientSays(1, startup())
      .queue(1)
      .open(1)
      .endWait(1, 1)
      .grant(1, 1)
      .release(1, 1)
      .discard(1, startup().length, 1)
      .authenticate(1, 1)
      .toClient(1, 0, loggedIn())
      .stop(),

  'parameters sent ahead, in the same write': () =>
    twoServers()
      .login(1)
      .clientSays(1, query('a'))
      .grant(1, 1)
      .toServer(1, 0, set)
      .toServer(1, 1, query('a'))
      .serverSays(1, setDone, selected('a').subarray(0, 4))
      .swallow(1, setDone.length, 2)
      .toClient(1, 1, selected('a').subarray(0, 4))
      .answer(1, 1, selected('a').subarray(4))
      .release(1, 1)
      .serverSays(1, parameter('TimeZone', 'UTC'))
      .swallow(1, parameter('TimeZone', 'UTC').length, 4)
      .stop(),

  'a pipeline with an error inside, and a Flush': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, ...group, parse('', 'selec'), bind(''), query('skipped'), sync(), query('a'))
      .answer(1, 1, ...groupDone)
      .answer(1, 1, ...rest, error('ERROR', 'syntax'), ready(), selected('a', 'T'))
      .ask(1, 1, parse('', 'select 1'), flush())
      .answer(1, 1, parsed())
      .ask(1, 1, bind(''), execute(), query('commit'))
      .answer(1, 1, bound(), complete('SELECT 1'), complete('COMMIT'), ready())
      .ask(1, 1, functionCall())
      .answer(1, 1, message('V', Buffer.alloc(4)), ready())
      .release(1, 1)
      .stop(),

  'copy in, with a Sync that comes early': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, parse('', 'copy t from stdin'), bind(''), execute())
      .answer(1, 1, parsed(), bound(), copyInResponse())
      .clientSays(1, sync())
      .discard(1, 5, 7)
      .ask(1, 1, copyData('1\n'), copyDone(), sync())
      .answer(1, 1, complete('COPY 1'), ready())
      .release(1, 1)
      .grant(1, 2)
      .ask(1, 2, parse('', 'copy t from stdin'), bind(''), execute(), sync())
      .answer(1, 2, parsed(), bound(), copyInResponse())
      .ask(1, 2, copyData('1\n'), copyDone(), sync())
      .answer(1, 2, complete('COPY 1'), ready())
      .release(1, 2)
      .stop(),

  'copy in that fails, and copy messages that arrive late': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, query('copy t from stdin; copy u from stdin'), copyData('x\n'), copyDone(), copyData('y\n'))
      .answer(1, 1, copyInResponse(), complete('COPY 1'), copyInResponse())
      .ask(1, 1, copyFail())
      .answer(1, 1, error('ERROR', 'failed'), ready())
      .release(1, 1)
      .clientSays(1, copyData('z\n'), copyDone())
      .discard(1, 12, 3)
      .grant(1, 2)
      .ask(1, 2, parse('', 'copy t from stdin'), bind(''), execute())
      .answer(1, 2, parsed(), bound(), copyInResponse())
      .ask(1, 2, copyData('bad\n'))
      .answer(1, 2, error('ERROR', 'bad'))
      .ask(1, 2, copyData('more\n'), copyDone(), sync())
      .answer(1, 2, ready())
      .release(1, 2)
      .stop(),

  'copy in whose end nobody can count: the server is destroyed': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, parse('', 'copy t from stdin'), bind(''), execute(), sync())
      .answer(1, 1, parsed(), bound(), copyInResponse())
      .ask(1, 1, copyData('bad\n'))
      .answer(1, 1, error('ERROR', 'bad'), ready())
      .destroy(1)
      .close(1)
      .closeClient(1, 1)
      .login(2)
      .stop(),

  'copy out': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, query('copy t to stdout'))
      .answer(1, 1, message('H', Buffer.alloc(3)), copyData('1\n'), copyData('2\n'), message('c'))
      .answer(1, 1, complete('COPY 2'), ready())
      .release(1, 1)
      .stop(),

  'a cancel of the running statement': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, query('select pg_sleep(9)'))
      .accept(2)
      .clientSays(2, cancelRequest(1))
      .discard(2, 16, 1)
      .cancelReceived(1)
      .closeClient(2)
      .cancelSent(1, 1)
      .wait(1)
      .answer(1, 1, error('ERROR', 'canceled'), ready())
      .wait(1)
      .cancelDone(1, 1)
      .release(1, 1)
      .stop(),

  'a cancel of a queued request': () =>
    new TraceBuilder()
      .pool(1, 1)
      .open(1)
      .login(1)
      .login(2)
      .grant(1, 1)
      .ask(1, 1, query('begin'))
      .answer(1, 1, complete('BEGIN'), ready('T'))
      .clientSays(2, ...group, query('b'))
      .queue(2)
      .cancelReceived(2)
      .endWait(2, 3)
      .discard(2, Buffer.concat(group).length, 4)
      .toClient(2, 0, error('ERROR', 'canceled'), ready())
      .queue(2)
      .wait(60)
      .ask(1, 1, query('commit'))
      .answer(1, 1, complete('COMMIT'), ready())
      .release(1, 1)
      .endWait(2, 1)
      .grant(2, 1)
      .toServer(1, 2, query('b'))
      .answer(2, 1, selected('b'))
      .release(2, 1)
      .stop(),

  'a client that vanishes in a transaction: cancelled, rolled back, released': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, query('begin'))
      .answer(1, 1, complete('BEGIN'), ready('T'))
      .ask(1, 1, query('select pg_sleep(9)'))
      .closeClient(1, 1)
      .cancelSent(0, 1)
      .serverSays(1, error('ERROR', 'canceled'), ready('E'))
      .swallow(1, error('ERROR', 'canceled').length + 6, 3)
      .cancelDone(0, 1)
      .toServer(1, 0, query('rollback'))
      .serverSays(1, complete('ROLLBACK'), ready())
      .swallow(1, complete('ROLLBACK').length + 6, 2)
      .release(1, 1)
      .login(2)
      .transaction(2, 1, 'a')
      .stop(),

  'a server that dies, and one that refuses the login': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, query('select 1'))
      .serverSays(1, error('FATAL', 'terminated'))
      .toClient(1, 1, error('FATAL', 'terminated'))
      .destroy(1)
      .closeClient(1)
      .close(1)
      .opening(3)
      .toServer(3, 0, startup())
      .serverSays(3, error('FATAL', 'too many'))
      .swallow(3, error('FATAL', 'too many').length, 1)
      .destroy(3)
      .close(3)
      .login(2)
      .stop(),

  'a named statement: the server is destroyed': () =>
    twoServers()
      .login(1)
      .grant(1, 1)
      .ask(1, 1, parse('s1', 'select $1'), bind('s1'), describeStatement('s1'), execute(), sync())
      .answer(1, 1, ...groupDone, ...rest)
      .destroy(1)
      .close(1)
      .stop(),

  'the console': () =>
    new TraceBuilder()
      .login(1, 0)
      .clientSays(1, query('show pools'))
      .discard(1, query('show pools').length, 5)
      .toClient(1, 0, selected('x'))
      .stop(),

  'names for a holder: without a server, and in the middle of a transaction, behind what is owed': () =>
    twoServers()
      .login(1)
      .clientSays(1, naming, query('begin'), unnaming, query('commit'))
      .toClient(1, 0, complete('SET'), ready())
      .discard(1, naming.length, 8)
      .grant(1, 1)
      .toServer(1, 1, query('begin'))
      .answer(1, 1, complete('BEGIN'), ready('T'))
      .toClient(1, 0, complete('RESET'), ready('T'))
      .discard(1, unnaming.length, 8)
      .toServer(1, 1, query('commit'))
      .answer(1, 1, complete('COMMIT'), ready())
      .release(1, 1)
      .stop(),

  'a wait that times out, and a smaller limit': () =>
    twoServers()
      .login(1)
      .login(2)
      .login(3)
      .grant(1, 1)
      .grant(2, 2)
      .clientSays(3, query('a'))
      .queue(3)
      .wait(120_000)
      .endWait(3, 2)
      .toClient(3, 0, error('FATAL', 'no server'))
      .discard(3, query('a').length, 6)
      .closeClient(3)
      .pool(1, 1)
      .release(1, 1)
      .destroy(1)
      .close(1)
      .release(2, 2)
      .stop(),

  'a statement that follows its client, under another name': () =>
    following()
      .grant(1, 1)
      .askAs(1, 1, bind('S_1'), bind('taxirank_1'))
      .ask(1, 1, execute())
      .askAs(1, 1, closeStatement('S_1'), nobody)
      .askAs(1, 1, parse('S_1', 'select 2'), parse('taxirank_2', 'select 2'))
      .askAs(1, 1, bind('S_1'), bind('taxirank_2'))
      .ask(1, 1, execute(), sync())
      .answer(1, 1, bound(), ...executed, closed(), parsed(), bound(), ...executed, ready())
      .release(1, 1)
      .stop(),

  'a Parse of a statement that the server has': () =>
    following()
      .grant(2, 1)
      .askAs(2, 1, parse('mine', 'select $1'), nobody)
      .askAs(2, 1, describeStatement('mine'), describeStatement('taxirank_1'))
      .ask(2, 1, sync())
      .answerAs(2, 1, closed(), parsed())
      .answer(2, 1, ...described, ready())
      .release(2, 1)
      .grant(2, 1)
      .askAs(2, 1, bind('mine'), bind('taxirank_1'))
      .ask(2, 1, execute(), sync())
      .answer(2, 1, bound(), ...executed, ready())
      .release(2, 1)
      .stop(),

  'a statement that the server lacks, and one that makes way for it': () =>
    following()
      .grant(1, 2)
      .clientSays(1, parse('', 'select 5'), bind('S_1'))
      .toServer(2, 1, parse('', 'select 5'))
      .toServer(2, 0, parse('taxirank_1', 'select $1'))
      .sendAs(1, 2, bind('S_1'), bind('taxirank_1'))
      .ask(1, 2, execute(), sync())
      .answer(1, 2, parsed())
      .answerOwn(2, parsed())
      .answer(1, 2, bound(), ...executed, ready())
      .release(1, 2)
      .grant(2, 2)
      .clientSays(2, parse('other', 'select 3'))
      .toServer(2, 0, closeStatement('taxirank_1'))
      .sendAs(2, 2, parse('other', 'select 3'), parse('taxirank_3', 'select 3'))
      .ask(2, 2, sync())
      .answerOwn(2, closed())
      .answer(2, 2, parsed(), ready())
      .release(2, 2)
      .grant(1, 2)
      .clientSays(1, bind('S_1'))
      .toServer(2, 0, parse('taxirank_1', 'select $1'))
      .sendAs(1, 2, bind('S_1'), bind('taxirank_1'))
      .ask(1, 2, flush())
      .answerOwn(2, parsed())
      .answer(1, 2, bound())
      .ask(1, 2, execute(), sync())
      .answer(1, 2, ...executed, ready())
      .release(1, 2)
      .stop(),

  'an error in front of what the pooler Parses, and in it': () =>
    following()
      .grant(1, 2)
      .clientSays(1, parse('', 'selec'), bind('S_1'))
      .toServer(2, 1, parse('', 'selec'))
      .toServer(2, 0, parse('taxirank_1', 'select $1'))
      .sendAs(1, 2, bind('S_1'), bind('taxirank_1'))
      .ask(1, 2, execute(), sync())
      .answer(1, 2, error('ERROR', 'syntax'), ready())
      .clientSays(1, bind('S_1'), execute(), sync())
      .toServer(2, 0, closeStatement('taxirank_9'), parse('taxirank_1', 'select $1'))
      .sendAs(1, 2, bind('S_1'), bind('taxirank_1'))
      .toServer(2, 1, execute(), sync())
      .answerOwn(2, closed())
      .answer(1, 2, error('ERROR', 'no such table'), ready())
      .release(1, 2)
      .stop(),

  'an error in what the pooler Parses, while the Bind behind it still comes': () =>
    following()
      .grant(1, 2)
      .clientSays(1, bind('S_1').subarray(0, 12))
      .toServer(2, 0, parse('taxirank_1', 'select $1'))
      .replaceOfClient(1, 10, bind('taxirank_1').subarray(0, 17))
      .toServer(2, 1, bind('taxirank_1').subarray(0, 19))
      .answer(1, 2, error('ERROR', 'no such table'))
      .clientSays(1, bind('S_1').subarray(12))
      .toServer(2, 1, bind('S_1').subarray(12))
      .ask(1, 2, execute(), sync())
      .answer(1, 2, ready())
      .release(1, 2)
      .stop(),

  'an unnamed statement that follows its client, and that of another that makes way': () =>
    twoServers()
      .login(1)
      .login(2)
      .grant(1, 1)
      .ask(1, 1, parse('', 'select $1'), describeStatement(''), sync())
      .answer(1, 1, parsed(), ...described, ready())
      .release(1, 1)
      .grant(1, 2)
      .clientSays(1, bind(''))
      .toServer(2, 0, parse('', 'select $1'))
      .toServer(2, 1, bind(''))
      .ask(1, 2, execute(), sync())
      .answerOwn(2, parsed())
      .answer(1, 2, bound(), ...executed, ready())
      .release(1, 2)
      .grant(2, 2)
      .clientSays(2, bind(''))
      .toServer(2, 0, closeStatement(''))
      .toServer(2, 2, bind(''))
      .ask(2, 2, execute(), sync())
      .answerOwn(2, closed())
      .answer(2, 2, error('ERROR', 'no such statement'), ready())
      .release(2, 2)
      .stop(),

  'statements that are refused, or whose names stand in SQL': () =>
    following()
      .grant(1, 1)
      .askAs(1, 1, query('listen x'), query('refused'))
      .answerAs(1, 1, error('ERROR', 'syntax'), error('ERROR', 'LISTEN is refused'))
      .answer(1, 1, ready())
      .askAs(1, 1, functionCall(), query('refused'))
      .answerAs(1, 1, error('ERROR', 'syntax'), error('ERROR', 'a FunctionCall is refused'))
      .answer(1, 1, ready())
      .clientSays(1, parse('', 'listen x'))
      .replaceOfClient(1, parse('', 'listen x').length, parse('', 'refused'))
      .toServer(1, 1, parse('', 'refused'))
      .ask(1, 1, bind(''), execute(), sync())
      .answerAs(1, 1, error('ERROR', 'syntax'), error('ERROR', 'LISTEN is refused'))
      .answer(1, 1, ready())
      .askAs(1, 1, query('deallocate "S_1"'), query('deallocate taxirank_1'))
      .answer(1, 1, complete('DEALLOCATE'), ready())
      .askAs(1, 1, bind('S_1'), bind('taxirank_0'))
      .ask(1, 1, sync())
      .answerAs(1, 1, error('ERROR', 'no taxirank_0'), error('ERROR', 'no S_1'))
      .answer(1, 1, ready())
      .release(1, 1)
      .stop(),

  'a DISCARD ALL of a client, after which a server has no statement': () =>
    following()
      .grant(2, 1)
      .ask(2, 1, query('discard all'))
      .answer(2, 1, complete('DISCARD ALL'), ready())
      .release(2, 1)
      .grant(1, 1)
      .clientSays(1, bind('S_1'))
      .toServer(1, 0, parse('taxirank_1', 'select $1'))
      .sendAs(1, 1, bind('S_1'), bind('taxirank_1'))
      .ask(1, 1, execute(), sync())
      .answerOwn(1, parsed())
      .answer(1, 1, bound(), ...executed, ready())
      .ask(1, 1, query('deallocate all'))
      .answer(1, 1, complete('DEALLOCATE ALL'), ready())
      .askAs(1, 1, bind('S_1'), bind('taxirank_0'))
      .ask(1, 1, sync())
      .answer(1, 1, error('ERROR', 'no such statement'), ready())
      .release(1, 1)
      .stop(),
}
