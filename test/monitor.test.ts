/** The monitor on a real port: what only a socket shows. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { after, describe, it } from 'node:test'
import { Log } from '../src/log.ts'
import { type ServedMonitor, serveMonitor } from '../src/monitor/serve-monitor.ts'
import { fakeSource, recordingFigures } from './support/monitor-source.ts'

const lines: string[] = []
const log = new Log((line) => lines.push(line))
const served: ServedMonitor[] = []

function serve(source = fakeSource(), address = '127.0.0.1', port = 0): ServedMonitor {
  const monitor = serveMonitor({ address, port, source, log })
  served.push(monitor)
  return monitor
}

/** Everything that is answered until the connection is closed. */
function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setTimeout(4_000, () => socket.destroy(new Error(`still open after: ${answer.slice(0, 200)}`)))
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')))
    socket.on('close', () => resolve(answer)).on('error', reject)
  })
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

describe('the monitor on its port', () => {
  after(() => served.forEach((monitor) => monitor.stop()))

  it('says where it is, and answers there', async () => {
    const { url, port } = serve()
    assert.equal(url, `http://127.0.0.1:${port}/`)
    assert.equal(await (await fetch(`${url}healthz`)).text(), 'ok\n')
    const snapshot = (await (await fetch(`${url}api/snapshot?at=all`)).json()) as { process: object }
    for (const figure of ['openFiles', 'maxOpenFiles', 'residentBytes', 'cpuUserMs']) {
      assert.ok(Number(Reflect.get(snapshot.process, figure)) > 0, figure)
    }
  })

  it('answers HEAD without a body, and closes every connection', async () => {
    const { port } = serve()
    const answer = await say(port, 'HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n')
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*content-length: \d{4,}\r\n(?:.*\r\n)*\r\n$/i)
    assert.equal((await say(port, 'GET /healthz HTTP/1.0\r\n\r\n')).split('\r\n\r\n')[1], 'ok\n')
  })

  it('hands on what stands behind the path: which recording is meant', async () => {
    const { url, port } = serve(fakeSource({ recordings: [recordingFigures(), recordingFigures({ user: 'ä&b=?' })] }))
    const query = new URLSearchParams({ database: 'shop', user: 'ä&b=?' }).toString()
    const answer = await fetch(`${url}api/recording?${query}#behind`)
    assert.deepEqual([answer.status, await answer.text()], [200, 'of ä&b=? in shop'])
    const head = await say(port, `HEAD /api/recording?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*content-length: 17\r\n(?:.*\r\n)*\r\n$/i)
    for (const wrong of ['', '?', '?database=shop', '?user=%', '?user=%ff', `?user=${'x'.repeat(9_000)}`]) {
      assert.equal(
        statusOf(await say(port, `GET /api/recording${wrong} HTTP/1.1\r\nHost: localhost\r\n\r\n`)),
        404,
        wrong,
      )
    }
  })

  it('refuses what is not HTTP, too long, or meant for somebody else', async () => {
    const { port } = serve()
    const asked: [request: string, status: number][] = [
      ['\u0000\u0001\u0002\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nHost: localhost\r\na: ${'x'.repeat(100_000)}`, 431],
      [`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n`, 413],
      ['GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421],
      ['GET /metrics HTTP/1.1\r\nHost: [\r\n\r\n', 421],
      ['GET http://evil.example/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ]
    for (const [request, status] of asked)
      assert.equal(statusOf(await say(port, request)), status, request.slice(0, 60))
  })

  it('says in one sentence that its port is taken, or its address not ours', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    t.after(() => other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    assert.throws(() => serve(fakeSource(), '127.0.0.1', port), {
      code: 'listen_failed',
      message: `cannot serve HTTP on 127.0.0.1:${port}: EADDRINUSE (another program has this port)`,
    })
    assert.throws(() => serve(fakeSource(), '203.0.113.1'), {
      code: 'listen_failed',
      message: /^cannot serve HTTP on 203\.0\.113\.1:0: EADDRNOTAVAIL/,
    })
  })

  it('survives a bug of ours, tells the log and not who asked', async () => {
    const source = fakeSource(() => {
      throw new Error('a bug with a secret')
    })
    const { url } = serve(source)
    const answer = await fetch(`${url}metrics`)
    assert.deepEqual([answer.status, await answer.text()], [500, 'the log says why\n'])
    assert.equal((await fetch(`${url}healthz`)).status, 200)
    assert.match(lines.join(''), /ERROR taxirank bug: the monitor cannot answer: Error: a bug with a secret/)
  })

  it('makes one snapshot for two hundred who ask at once', async () => {
    let made = 0
    const source = fakeSource()
    const pools = () => (made++, source.figures.pools())
    const { url } = serve({ ...source, figures: { ...source.figures, pools } })
    const begun = performance.now()
    const pages = await Promise.all(Array.from({ length: 200 }, async () => (await fetch(`${url}metrics`)).text()))
    const most = Math.ceil((performance.now() - begun) / 100) + 1
    assert.ok(pages.every((page) => page.includes('taxirank_ready 1')))
    assert.ok(made <= most, `${made} snapshots, at most ${most}`)
  })

  it('answers nobody after it has been stopped', async () => {
    const monitor = serve()
    monitor.stop()
    await assert.rejects(fetch(`${monitor.url}healthz`))
  })
})
