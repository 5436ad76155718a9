import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Fake, fakeSource, recordingFigures } from '../../test/support/monitor-source.ts'
import { Feed } from './feed.ts'
import { LoopDelay } from './loop-delay.ts'
import { page, pagePolicy } from './page.ts'
import { type Asked, Site } from './site.ts'

function siteOf(fake: Partial<Fake> = {}, address = '127.0.0.1'): Site {
  const source = fakeSource(fake)
  return new Site(source, new Feed(source, { now: () => 0, wall: () => 0 }, new LoopDelay(100, 0)), address)
}

const usual: Asked = { method: 'GET', path: '/', query: '', host: 'localhost:6433' }

async function answered(site: Site, asked: Partial<Asked>): Promise<[number, string | null, string]> {
  const response = site.answer({ ...usual, ...asked })
  return [response.status, response.headers.get('content-type'), await response.text()]
}

const plain = 'text/plain; charset=utf-8'

describe('Site', () => {
  it('says that it lives, and whether it is ready: listening, and not draining', async () => {
    const states: Partial<Fake>[] = [{}, { isPaused: true }, { isDraining: true }, { isListening: false }]
    const health = states.map((state) => answered(siteOf(state), { path: '/healthz' }))
    const ready = states.map((state) => answered(siteOf(state), { path: '/readyz' }))
    for (const alive of health) assert.deepEqual(await alive, [200, plain, 'ok\n'])
    assert.deepEqual(await Promise.all(ready), [
      [200, plain, 'ready\n'],
      [200, plain, 'ready\n'],
      [503, plain, 'not ready\n'],
      [503, plain, 'not ready\n'],
    ])
  })

  it('needs no figures to say so', async () => {
    const broken = siteOf(Object.defineProperty({}, 'pools', { get: () => assert.fail('the pools were asked for') }))
    for (const path of ['/healthz', '/readyz']) assert.equal((await answered(broken, { path }))[0], 200)
    assert.throws(() => broken.answer({ ...usual, path: '/metrics', host: null }), /the pools were asked for/)
  })

  it('gives the page, the metrics and the snapshot as what they are', async () => {
    assert.deepEqual(await answered(siteOf(), {}), [200, 'text/html; charset=utf-8', page])
    const [status, type, metrics] = await answered(siteOf(), { path: '/metrics' })
    assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8'])
    assert.match(metrics, /^taxirank_ready 1$/m)
    const [, jsonType, json] = await answered(siteOf(), { path: '/api/snapshot' })
    assert.equal(jsonType, 'application/json')
    assert.equal((JSON.parse(json) as { version: number }).version, 1)
  })

  it('gives a recording as a file, and a sentence where it is not clear which', async () => {
    const site = siteOf({ recordings: [recordingFigures(), recordingFigures({ user: 'it"s\r\nü' })] })
    const path = '/api/recording'
    const response = site.answer({ ...usual, path, query: 'database=shop&user=it%22s%0D%0A%C3%BC' })
    assert.deepEqual(
      [response.status, response.headers.get('content-type'), response.headers.get('content-disposition')],
      [200, 'application/octet-stream', 'attachment; filename="taxirank-shop-it_s___.recording"'],
    )
    assert.equal(await response.text(), 'of it"s\r\nü in shop')
    const [status, type, text] = await answered(site, { path })
    assert.deepEqual([status, type], [404, plain])
    assert.match(text, /^several pools are recorded, say which one: \?database=shop&user=app, .*\n$/)
    assert.equal(site.answer({ ...usual, path, method: 'POST', query: 'user=app' }).status, 405)
    assert.equal(site.answer({ ...usual, path, method: 'HEAD', query: 'user=app' }).status, 200)
    assert.equal(site.answer({ ...usual, path, query: 'user=app', host: 'evil.example' }).status, 421)
  })

  it('knows no other page, and no other method than GET and HEAD', async () => {
    for (const path of ['/nothing', '/metrics/', '/api', '/healthz/..', '', '/__proto__', '/index.html']) {
      assert.deepEqual(await answered(siteOf(), { path }), [404, plain, 'not found\n'], path)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'get', '']) {
      const response = siteOf().answer({ ...usual, method, path: '/metrics' })
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'], method)
    }
    assert.equal(siteOf().answer({ ...usual, method: 'HEAD', path: '/metrics' }).status, 200)
  })

  it('sends every answer with headers that let a browser do nothing with it, and closes', () => {
    const always = {
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
      connection: 'close',
    }
    const policies = ['/', '/metrics', '/api/snapshot', '/api/recording', '/healthz', '/none'].map((path) => {
      const { headers } = siteOf().answer({ ...usual, path })
      for (const [name, value] of Object.entries(always)) assert.equal(headers.get(name), value, `${name} of ${path}`)
      assert.equal(headers.get('access-control-allow-origin'), null)
      return headers.get('content-security-policy')
    })
    assert.deepEqual(policies, [pagePolicy, ...Array(5).fill("default-src 'none'; frame-ancestors 'none'")])
  })

  it('on a loopback address, answers to no foreign name', () => {
    const statusFor = (address: string, host: string | null): number =>
      siteOf({}, address).answer({ ...usual, path: '/api/snapshot', host }).status
    const ours = ['127.0.0.1:6433', '127.0.0.1', 'localhost', 'LOCALHOST:80', 'localhost.', '[::1]:6433', '[::1]', null]
    const foreign = ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:6433', '10.0.0.1', '', '[']
    assert.deepEqual(
      ours.map((host) => statusFor('127.0.0.1', host)),
      Array(ours.length).fill(200),
    )
    assert.deepEqual(
      foreign.map((host) => statusFor('::1', host)),
      Array(foreign.length).fill(421),
    )
    assert.deepEqual(
      foreign.map((host) => statusFor('10.0.0.1', host)),
      Array(foreign.length).fill(200),
    )
  })
})
