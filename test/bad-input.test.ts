/** What a client may not send: its connection closes with the right error, nothing reaches a server, others go on. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { eventually, startPoolerProcess, TestPoolers, type TestPooler } from './support/pooler.ts'
import { startTestPostgres, type TestPostgres } from './support/postgres.ts'
import { RawClient } from './support/raw-client.ts'
import * as raw from './support/raw-messages.ts'

let postgres: TestPostgres
let direct: RawClient
let pooler: TestPooler
let witness: RawClient
const poolers = new TestPoolers(() => postgres.port)

before(async () => {
  postgres = await startTestPostgres()
  direct = await RawClient.login(postgres.port)
  pooler = await poolers.start({ poolSize: 1 })
  witness = await pooler.login()
})

after(async () => {
  direct.leave()
  witness.leave()
  await poolers.remove()
  await postgres.remove()
})

const ok = ['T ?column?', 'D 7', 'C SELECT 1', 'Z I']
const twoGigabytes = 0x7fff_ffff
const good = { user: 'postgres', database: 'postgres' }
const nul = Buffer.from([0])

/** What the pool's one server did last, and when: unchanged as long as nothing reaches it. */
function serverState(): Promise<string | null> {
  return direct.value(
    "select string_agg(pid || query || state_change, ';') from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
  )
}

/** Sends it whole and in single bytes; the connection must end with this error, which nobody else notices. */
async function assertRefused(open: () => Promise<RawClient>, bytes: Buffer, answer: RegExp): Promise<void> {
  assert.deepEqual(await witness.query('select 7'), ok)
  const before = await serverState()
  for (const isBytewise of [false, true]) {
    const client = await open()
    if (isBytewise) await client.sendBytewise(bytes.subarray(0, 400))
    else client.send(bytes)
    const got = await client.rest()
    assert.match(String(got.at(-1)), answer)
    assert.ok(
      got.slice(0, -1).every((line) => !line.startsWith('E')),
      String(got),
    )
    assert.equal(client.over, 'fin')
    client.vanish()
  }
  assert.equal(await serverState(), before)
  assert.deepEqual(await witness.query('select 7'), ok)
}

describe('before the login', () => {
  const version = Buffer.from([0, 3, 0, 0])
  const lengthy = (length: number): Buffer => raw.all(raw.header('', length), version)
  const parameters = (text: string): Buffer => raw.packet(raw.version3, Buffer.from(text, 'latin1'))
  const fatal = (text: string): RegExp => new RegExp(`^E FATAL 08P01: ${text}`)

  const rows: Record<string, readonly [Buffer, RegExp]> = {
    garbage: [
      Buffer.from('f3a9c1770d00beef', 'hex'),
      fatal('startup packet has length 4087988599; allowed: 8 to 10000$'),
    ],
    'an HTTP request': [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      fatal('startup packet has length 1195725856'),
    ],
    'a TLS hello': [Buffer.from('16030100c8010000c40303', 'hex'), fatal('startup packet has length 369295616')],
    zeros: [Buffer.alloc(100), fatal('startup packet has length 0')],
    'a length of 3': [lengthy(3), fatal('startup packet has length 3')],
    'a length of 7': [lengthy(7), fatal('startup packet has length 7')],
    'a length of 2 GB': [lengthy(twoGigabytes), fatal('startup packet has length 2147483647')],
    'a negative length': [lengthy(-1), fatal('startup packet has length 4294967295')],
    'a packet of 1 MB': [parameters(`user\0${'x'.repeat(1_000_000)}\0\0`), fatal('startup packet has length 10000')],
    'a packet one byte too long': [lengthy(10_001), fatal('startup packet has length 10001')],
    'no parameters, not even their end': [raw.packet(raw.version3), fatal('startup packet is not terminated')],
    'a name without its end': [parameters('user\0postgres\0data'), fatal('startup packet is not terminated')],
    'a value without its end': [parameters('user\0postgres'), fatal('startup packet ends inside a parameter')],
    'parameters without their end': [parameters('user\0postgres\0'), fatal('startup packet is not terminated')],
    'more behind the end of the parameters': [
      parameters('user\0postgres\0\0x\0'),
      fatal('startup packet goes on behind'),
    ],
    'a parameter twice': [
      parameters('user\0postgres\0user\0postgres\0\0'),
      fatal('startup packet names a parameter twice'),
    ],
    'NUL inside a value': [raw.startup({ user: 'post\0gres', database: 'postgres' }), fatal('')],
    'NUL inside a name': [raw.startup({ ...good, 'Time\0Zone': 'UTC' }), fatal('')],
    'an empty name': [raw.startup({ ...good, '': 'x' }), fatal('startup packet goes on behind')],
    'protocol 2.0': [raw.packet(2 << 16, nul), fatal('unsupported frontend protocol 2.0')],
    'protocol 4.0': [raw.packet(4 << 16, nul), fatal('unsupported frontend protocol 4.0')],
    'a code that is none': [raw.packet(80_877_199, nul), fatal('unsupported frontend protocol 1234.5775')],
    'an SSLRequest that is too long': [
      raw.packet(80_877_103, Buffer.alloc(4)),
      fatal('encryption request has length 12'),
    ],
    'a cancel that is too short': [raw.packet(80_877_102, Buffer.alloc(4)), fatal('cancel request has length 12')],
    'a cancel that is too long': [raw.packet(80_877_102, Buffer.alloc(261)), fatal('cancel request has length 269')],
  }
  for (const [what, [bytes, answer]] of Object.entries(rows)) {
    it(`refuses ${what}`, () => assertRefused(() => RawClient.connect(pooler.port), bytes, answer))
  }

  it('refuses what comes behind an SSLRequest or GSSENCRequest without waiting for the answer', async () => {
    for (const request of [raw.sslRequest, raw.gssRequest]) {
      const client = await RawClient.connect(pooler.port)
      client.send(raw.all(request, raw.startup(good)))
      const name = request === raw.sslRequest ? 'ssl' : 'gss'
      assert.deepEqual(await client.rest(), [`E FATAL 08P01: bytes behind an ${name}-request`])
    }
  })

  it('answers SSLRequest and GSSENCRequest once each, in either order', async () => {
    for (const requests of [
      [raw.sslRequest, raw.gssRequest],
      [raw.gssRequest, raw.sslRequest],
    ]) {
      const client = await RawClient.connect(pooler.port)
      for (const request of requests) {
        client.send(request)
        assert.equal(await client.byte(), 'N')
      }
      client.send(raw.startup(good))
      assert.equal((await client.answer()).at(-1), 'Z I')
      client.leave()
    }
  })

  it('refuses endless requests for encryption', async () => {
    for (const [name, request] of [
      ['ssl', raw.sslRequest],
      ['gss', raw.gssRequest],
    ] as const) {
      const client = await RawClient.connect(pooler.port)
      client.send(request)
      assert.equal(await client.byte(), 'N')
      client.send(request)
      assert.deepEqual(await client.rest(), [`E FATAL 08P01: a second ${name}-request`])
    }
  })
})

describe('after the login', () => {
  const login = (): Promise<RawClient> => pooler.login()
  const fixed = ['S', 'H', 'X', 'c'] as const
  const small = ['D', 'E', 'C', 'f'] as const
  const streamed = ['Q', 'P', 'B', 'F', 'd'] as const

  for (const type of [...fixed, ...small, ...streamed]) {
    const refused = (length: number): RegExp =>
      new RegExp(`^E FATAL 08P01: message '${type}' has length ${length}; allowed here: 4 to`)
    it(`refuses ${type} with a length of 3, 0, −1 and 2 GB`, async () => {
      for (const length of [3, 0, twoGigabytes]) await assertRefused(login, raw.header(type, length), refused(length))
      await assertRefused(login, raw.header(type, -1), refused(4_294_967_295))
    })
  }

  for (const type of fixed) {
    it(`refuses ${type} with a body`, () =>
      assertRefused(
        login,
        raw.message(type, Buffer.from('x')),
        /^E FATAL 08P01: message '.' has length 5; allowed here: 4 to 4$/,
      ))
  }
  for (const type of small) {
    it(`refuses ${type} of 1 MB`, () =>
      assertRefused(
        login,
        raw.message(type, Buffer.alloc(1_000_000)),
        /^E FATAL 08P01: message '.' has length 1000004/,
      ))
  }

  it('refuses a password that nobody asked for', () =>
    assertRefused(
      login,
      raw.message('p', Buffer.from('secret\0')),
      /^E FATAL 08P01: message type 'p' is not allowed here$/,
    ))

  it('refuses a second startup packet', () =>
    assertRefused(login, raw.startup(good), /^E FATAL 08P01: message type 0x00 is not allowed here$/))

  it('refuses every type that is none', async () => {
    const known = new Set([...fixed, ...small, ...streamed].map((type) => type.charCodeAt(0)))
    for (let type = 0; type < 256; type++) {
      if (known.has(type)) continue
      const client = await login()
      client.send(raw.message(String.fromCharCode(type), Buffer.from('abc\0')))
      const got = await client.rest()
      assert.equal(got.length, 1)
      assert.match(String(got[0]), /^E FATAL 08P01: message type .* is not allowed here$/)
    }
    assert.deepEqual(await witness.query('select 7'), ok)
  })

  it('refuses garbage behind good requests without keeping their server', async () => {
    const garbage = Buffer.from('\0\0\0\0garbage')
    for (const before of [
      raw.query('select 1'),
      raw.all(raw.statement('select 1'), raw.sync),
      raw.query('begin'),
      raw.parse('x'),
    ]) {
      const client = await login()
      client.send(raw.all(before, garbage))
      const began = performance.now()
      assert.match(String((await client.rest()).at(-1)), /^E FATAL 08P01: message type 0x00 is not allowed here$/)
      assert.deepEqual(await witness.query('select 7'), ok)
      assert.ok(performance.now() - began < 500, 'the next client has the server at once')
    }
  })

  it('refuses garbage in a copy without keeping its server', async () => {
    for (const last of [raw.copyData('1\n'), raw.copyDone]) {
      const client = await login()
      client.send(raw.query('create table if not exists pasted (id int); copy pasted from stdin'))
      await client.until('G')
      client.send(raw.all(last, Buffer.from('\0\0\0\0\0')))
      const began = performance.now()
      assert.match(String((await client.rest()).at(-1)), /^E FATAL 08P01: message type 0x00 is not allowed here$/)
      assert.deepEqual(await witness.query('select 7'), ok)
      assert.ok(performance.now() - began < 500, 'the next client has the server at once')
    }
  })

  it('refuses garbage in a transaction, which is rolled back', async () => {
    await direct.query('create table entry (who text)')
    const client = await login()
    await client.query("begin; insert into entry values ('lost')")
    client.send(Buffer.from('garbage here'))
    assert.match(String((await client.rest()).at(-1)), /^E FATAL 08P01/)
    assert.equal(await witness.value('select count(*) from entry'), '0')
    assert.equal(await witness.value('select pg_current_xact_id_if_assigned()'), null)
  })

  it('refuses it from a client that waits, too', async () => {
    await witness.query('begin')
    const client = await login()
    client.send(raw.query('select 1'))
    await pooler.queues(1)
    client.send(Buffer.from('\0\0\0\0\0'))
    await witness.query('commit')
    const got = await client.rest()
    assert.match(String(got.at(-1)), /^E FATAL 08P01: message type 0x00 is not allowed here$/)
    assert.deepEqual(await witness.query('select 7'), ok)
  })

  it('leaves malformed bodies to PostgreSQL, which refuses them', async () => {
    for (const malformed of [
      raw.message('Q'),
      raw.message('Q', Buffer.from('select 1')),
      raw.message('P', Buffer.from('x')),
      raw.message('B', Buffer.from('\0\0\xff')),
      raw.message('F', Buffer.from('x')),
      raw.message('E', Buffer.from('\0')),
      raw.message('D', Buffer.from('Z\0')),
    ]) {
      const client = await login()
      client.send(malformed, raw.sync)
      const answer = await client.answer()
      assert.match(String(answer[0]), /^E ERROR (08P01|26000)/)
      client.leave()
      assert.deepEqual(await witness.query('select 7'), ok)
    }
  })
})

describe('on the console', () => {
  const login = (): Promise<RawClient> => pooler.login({ database: 'pgbouncer' })
  const rows: Record<string, readonly [Buffer, RegExp]> = {
    'a Parse that goes on behind its end': [
      raw.message('P', Buffer.from('\0\0\0\0x')),
      /^E FATAL 08P01: malformed Parse/,
    ],
    'copy data': [raw.copyData('x'), /^E FATAL 08P01: message type 'd' is not allowed here$/],
    'a function call': [raw.functionCall(177, []), /^E FATAL 08P01: message type 'F' is not allowed here$/],
    'a Query that is too long': [raw.query('x'.repeat(100_000)), /^E FATAL 08P01: message 'Q' has length 100005/],
    'a Query without an end': [raw.message('Q', Buffer.from('show pools')), /^E FATAL 08P01: malformed/],
    'a Query with two ends': [raw.message('Q', Buffer.from('show\0pools\0')), /^E FATAL 08P01: malformed Query/],
    'an empty Query': [raw.message('Q'), /^E FATAL 08P01: malformed/],
  }
  for (const [what, [bytes, answer]] of Object.entries(rows)) {
    it(`refuses ${what}`, () => assertRefused(login, bytes, answer))
  }
})

describe('clients that say nothing', () => {
  it('keep nobody out, not even from a cancel or the console: whoever was silent longest makes room', async () => {
    const small = await poolers.start({ maxClients: 2, poolSize: 1 })
    const working = await small.login()
    working.send(raw.query('select pg_sleep(60)'))
    const silent: RawClient[] = []
    for (let n = 0; n < 60; n++) {
      const one = await RawClient.connect(small.port)
      one.send(nul)
      silent.push(one)
    }
    const [oldest, youngest] = [silent[0] as RawClient, silent.at(-1) as RawClient]
    assert.deepEqual([await oldest.rest(), oldest.over], [[], 'reset'])
    const admin = await RawClient.login(small.port, { database: 'pgbouncer' })
    assert.ok((await admin.rows('SHOW POOLS')).length > 0)
    const cancel = await RawClient.connect(small.port)
    cancel.send(raw.cancelRequest(working.key))
    await cancel.rest()
    assert.deepEqual(await working.answer(), [
      'T pg_sleep',
      'E ERROR 57014: canceling statement due to user request',
      'Z I',
    ])
    const second = await small.login()
    await assert.rejects(small.login(), /FATAL 53300: no more connections allowed: max_client_conn is 2/)
    assert.equal(youngest.over, undefined)
    const line = / connections were reset before their login/
    await eventually('the log says so', () => small.logged.some((logged) => line.test(logged)))
    for (const client of [...silent, admin, working, second]) client.reset()
  })
})

describe('thousands of bad clients', () => {
  it('leave memory flat, and a good one is served meanwhile', async () => {
    const own = await startPoolerProcess(postgres.port)
    const client = await RawClient.login(own.port)
    const bad = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      raw.header('', 0x0000_2700),
      raw.packet(raw.version3, Buffer.alloc(9_000, 'x')),
      raw.all(raw.startup(good), raw.message('p', Buffer.from('x'))),
      raw.all(raw.startup(good), raw.query('x'.repeat(15_000)).subarray(0, 14_000)),
      raw.sslRequest,
    ]
    const flood = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 50) {
        await Promise.all(
          Array.from({ length: 50 }, async (_, index) => {
            const one = await RawClient.connect(own.port)
            one.send(bad[(n + index) % bad.length] as Buffer)
            await Bun.sleep(2)
            if (index % 2 === 0) one.reset()
            else one.vanish()
          }),
        )
        assert.deepEqual(await client.query('select 7'), ok)
      }
    }
    try {
      await flood(1_000)
      const before = own.memory()
      await flood(3_000)
      assert.ok(own.memory() < before + 15, `${before} MB before, ${own.memory()} MB after`)
    } finally {
      client.reset()
      await own.stop()
    }
  })
})

describe('the trace of all this', () => {
  beforeEach(() => witness.leave())
  it('shows no breach', () => poolers.assertNoBreach())
})
