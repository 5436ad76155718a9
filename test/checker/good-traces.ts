/** Traces without a breach, one for each thing the pooler does. The tests check them, and corrupt them. */
import {
  TraceBuilder,
  bind,
  bound,
  cancelRequest,
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
}
