import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type FakeClient,
  fakeWorld,
  type FakeParts,
  noFigures,
  Random,
  settled,
} from '../../test/support/console-fakes.ts'
import * as raw from '../../test/support/raw-messages.ts'
import { everySplit } from '../../test/support/splits.ts'
import type { ConsoleVisitor } from '../pooler/pooler.ts'

const version = 'D PgBouncer 1.25.2 (Taxirank 9.9.9)'
const state = ['D active|yes', 'D paused|no', 'D suspended|no']

interface Guest {
  readonly client: FakeClient
  readonly visitor: ConsoleVisitor
}

function hears({ client, visitor }: Guest, ...messages: readonly Buffer[]): string[] {
  visitor.received(Buffer.concat(messages))
  return client.said()
}

/** A Bind with result formats. */
function bindIn(formats: readonly number[], statement = '', portal = ''): Buffer {
  const numbers = [0, 0, formats.length, ...formats].flatMap((number) => [number >> 8, number & 255])
  return raw.message('B', Buffer.from(`${portal}\0${statement}\0`), Buffer.from(numbers))
}

describe('a login', () => {
  it('reports what drivers want to know of a server, and gives a key', () => {
    const world = fakeWorld()
    const { client, visitor } = world.enter()
    visitor.welcome({ processId: 0x01020304, secret: Buffer.from('abcd') })
    const got = client.messages()
    assert.deepEqual(got.filter(({ type }) => type === 'S').map(raw.say), [
      'S server_version=1.25.2/bouncer',
      'S client_encoding=UTF8',
      'S server_encoding=UTF8',
      'S DateStyle=ISO',
      'S TimeZone=GMT',
      'S standard_conforming_strings=on',
      'S is_superuser=on',
    ])
    assert.equal(got.find(({ type }) => type === 'K')?.body.toString('latin1'), '\x01\x02\x03\x04abcd')
  })
})

describe('both protocols', () => {
  const transcript = Buffer.concat([
    raw.query('SHOW VERSION'),
    raw.query('RESUME'),
    raw.query('nonsense'),
    raw.parse('SHOW VERSION', 's'),
    raw.describeStatement('s'),
    raw.bind([], 's', 'p'),
    raw.describePortal('p'),
    raw.execute(0, 'p'),
    raw.flush,
    raw.sync,
    raw.parse('nonsense'),
    raw.bind(),
    raw.execute(),
    raw.sync,
    raw.query(''),
    raw.terminate,
  ])
  const answer = [
    'T version',
    version,
    'C SHOW',
    'Z I',
    'C RESUME',
    'Z I',
    'E ERROR 08P01: invalid command "nonsense", use SHOW HELP;',
    'Z I',
    '1',
    't 0000',
    'T version',
    '2',
    'T version',
    version,
    'C SHOW',
    'Z I',
    'E ERROR 08P01: invalid command "nonsense", use SHOW HELP;',
    'Z I',
    'I',
    'Z I',
  ]

  it('are answered in order, however the bytes arrive', () => {
    for (const chunks of everySplit(transcript)) {
      const { client, visitor } = fakeWorld().enter()
      for (const chunk of chunks) visitor.received(chunk)
      assert.deepEqual([client.said(), client.over], [answer, 'ended'])
    }
  })
})

describe('the extended protocol', () => {
  it('gives rows in portions, and says after as many as were asked for that there may be more', () => {
    const guest = fakeWorld().enter()
    const open = [raw.parse('SHOW STATE'), raw.bind()]
    assert.deepEqual(hears(guest, ...open, raw.execute(2), raw.execute(2), raw.sync), [
      '1',
      '2',
      ...state.slice(0, 2),
      's',
      ...state.slice(2),
      'C SHOW',
      'Z I',
    ])
    assert.deepEqual(hears(guest, ...open, raw.execute(3), raw.execute(3), raw.sync), [
      '1',
      '2',
      ...state,
      's',
      'C SHOW',
      'Z I',
    ])
  })

  it('runs a portal once: rows that were there stay as they were, and what acts is not done again', () => {
    const world = fakeWorld()
    const guest = world.enter()
    assert.deepEqual(hears(guest, raw.parse('RESUME'), raw.bind(), raw.execute(), raw.execute(), raw.sync), [
      '1',
      '2',
      'C RESUME',
      'E ERROR 55000: this portal has been run: bind the statement again',
      'Z I',
    ])
    assert.deepEqual(world.verbs.calls, ['resume'])
  })

  it('keeps a portal until the Sync, and within a transaction until its end', () => {
    const guest = fakeWorld().enter()
    hears(guest, raw.parse('SHOW STATE', 's'), raw.bind([], 's', 'p'), raw.execute(1, 'p'), raw.sync)
    assert.deepEqual(hears(guest, raw.execute(0, 'p'), raw.sync), ['E ERROR 34000: portal "p" does not exist', 'Z I'])
    hears(guest, raw.query('BEGIN'))
    hears(guest, raw.bind([], 's', 'p'), raw.execute(1, 'p'), raw.sync)
    assert.deepEqual(hears(guest, raw.execute(0, 'p'), raw.sync), [...state.slice(1), 'C SHOW', 'Z T'])
    hears(guest, raw.query('COMMIT'), raw.sync)
    assert.deepEqual(hears(guest, raw.execute(0, 'p'), raw.sync)[0], 'E ERROR 34000: portal "p" does not exist')
  })

  it('sends binary where it is asked for, and describes it so', () => {
    const guest = fakeWorld().enter()
    const figures = [1, 0]
    guest.visitor.received(
      raw.all(raw.parse('SHOW LISTS'), bindIn([0, 1]), raw.describePortal(), raw.execute(1), raw.sync),
    )
    const [, , described, row] = guest.client.messages()
    const formats = figures.map((behind) => described?.body.readInt16BE(described.body.length - 2 - 24 * behind))
    assert.deepEqual(formats, [0, 1])
    assert.equal(row?.body.toString('hex'), `000200000009${Buffer.from('databases').toString('hex')}0000000400000001`)
  })

  it('takes one format for all columns', () => {
    const guest = fakeWorld().enter()
    guest.visitor.received(raw.all(raw.parse('SHOW LISTS'), bindIn([1]), raw.execute(1), raw.sync))
    assert.equal(guest.client.messages()[2]?.body.subarray(-4).readInt32BE(0), 1)
  })

  const typed = raw.message('P', Buffer.from('\0SHOW STATE\0\0\x01\0\0\0\x17'))
  const refusals: Record<string, readonly [Buffer[], string]> = {
    'an unknown statement': [[raw.bind([], 'x')], 'E ERROR 26000: prepared statement "x" does not exist'],
    'an unknown portal': [[raw.execute(0, 'x')], 'E ERROR 34000: portal "x" does not exist'],
    'Describe of an unknown statement': [
      [raw.describeStatement('x')],
      'E ERROR 26000: prepared statement "x" does not exist',
    ],
    'Describe of an unknown portal': [[raw.describePortal('x')], 'E ERROR 34000: portal "x" does not exist'],
    'a name that is taken': [
      [raw.parse('SHOW STATE', 'x'), raw.parse('SHOW STATE', 'x')],
      'E ERROR 42P05: prepared statement "x" already exists',
    ],
    'a parameter type': [[typed], 'E ERROR 0A000: the console takes no parameters: write the value into the command'],
    'a parameter': [
      [raw.parse('SHOW STATE'), raw.bind(['1'])],
      'E ERROR 0A000: the console takes no parameters: write the value into the command',
    ],
    'too many result formats': [
      [raw.parse('SHOW STATE'), bindIn([0, 0, 0])],
      'E ERROR 08P01: Bind has 3 result formats, and there are 2 columns',
    ],
    'a result format that there is none of': [
      [raw.parse('SHOW STATE'), bindIn([2])],
      'E ERROR 22023: unsupported format code: 2',
    ],
  }
  for (const [what, [messages, error]] of Object.entries(refusals)) {
    it(`refuses ${what}, and skips what follows up to the Sync, and no more`, () => {
      const world = fakeWorld()
      const guest = world.enter()
      const skipped = [raw.parse('RESUME'), raw.bind(), raw.execute(), raw.query('RESUME')]
      const said = hears(guest, ...messages, ...skipped, raw.sync, raw.query('SHOW VERSION'))
      const from = said.findIndex((line) => line.startsWith('E'))
      assert.deepEqual(said.slice(from), [error, 'Z I', 'T version', version, 'C SHOW', 'Z I'])
      assert.deepEqual(world.verbs.calls, [])
    })
  }

  it('forgets what is closed, and closes what is not there', () => {
    const guest = fakeWorld().enter()
    hears(guest, raw.parse('SHOW STATE', 'x'), raw.sync)
    assert.deepEqual(hears(guest, raw.closeStatement('x'), raw.closeStatement('x'), raw.bind([], 'x'), raw.sync), [
      '3',
      '3',
      'E ERROR 26000: prepared statement "x" does not exist',
      'Z I',
    ])
  })

  it('answers an empty statement, and one without rows', () => {
    const guest = fakeWorld().enter()
    const all = (text: string): Buffer[] => [
      raw.parse(text),
      raw.describeStatement(),
      raw.bind(),
      raw.describePortal(),
      raw.execute(),
      raw.sync,
    ]
    assert.deepEqual(hears(guest, ...all(' ')), ['1', 't 0000', 'n', '2', 'n', 'I', 'Z I'])
    assert.deepEqual(hears(guest, ...all('RESUME')), ['1', 't 0000', 'n', '2', 'n', 'C RESUME', 'Z I'])
  })

  it('has room for a thousand statements', () => {
    const guest = fakeWorld().enter()
    for (let n = 0; n < 1_000; n++) assert.deepEqual(hears(guest, raw.parse('SHOW STATE', `s${n}`)), ['1'])
    assert.match(String(hears(guest, raw.parse('SHOW STATE', 'more'))), /^E ERROR 54000: /)
    assert.deepEqual(hears(guest, raw.sync, raw.query('DEALLOCATE ALL'), raw.parse('SHOW STATE', 'more')), [
      'Z I',
      'C DEALLOCATE ALL',
      'Z I',
      '1',
    ])
  })

  it('ends the connection where a message is malformed or not of the console', () => {
    for (const [bytes, error] of [
      [raw.message('P', Buffer.from('x')), 'malformed Parse'],
      [raw.message('B', Buffer.from('\0\0\0\0\0\x05')), 'malformed Bind'],
      [raw.message('F', Buffer.alloc(8)), "message type 'F' is not allowed here"],
      [raw.header('Q', 100_000), "message 'Q' has length 100000; allowed here: 4 to 8191"],
    ] as const) {
      const guest = fakeWorld().enter()
      assert.deepEqual(hears(guest, bytes, raw.query('RESUME')), [`E FATAL 08P01: ${error}`])
      assert.equal(guest.client.over, 'ended')
    }
  })
})

describe('a command that waits', () => {
  for (const text of ['PAUSE', 'SUSPEND', 'WAIT_CLOSE']) {
    it(`is answered when it is done, and only then is read on: ${text}`, async () => {
      const world = fakeWorld()
      const guest = world.enter()
      assert.deepEqual(hears(guest, raw.query(text), raw.query('SHOW VERSION'), raw.terminate), [])
      assert.deepEqual(hears(guest, raw.query('RESUME')), [])
      await world.verbs.finish()
      assert.deepEqual(guest.client.said(), [`C ${text}`, 'Z I', 'T version', version, 'C SHOW', 'Z I'])
      assert.equal(guest.client.over, 'ended')
    })

    it(`is answered in the extended protocol, too: ${text}`, async () => {
      const world = fakeWorld()
      const guest = world.enter()
      assert.deepEqual(hears(guest, raw.statement(text), raw.sync), ['1', '2'])
      await world.verbs.finish()
      assert.deepEqual(guest.client.said(), [`C ${text}`, 'Z I'])
    })
  }

  for (const [text, calls] of Object.entries({
    PAUSE: ['pause', 'resume'],
    'PAUSE db': ['pause db', 'resume db'],
    SUSPEND: ['suspend', 'resume'],
    WAIT_CLOSE: ['waitClose'],
  })) {
    it(`is given up, and what it had stopped goes on, when a cancel comes: ${text}`, async () => {
      for (const messages of [[raw.query(text)], [raw.statement(text), raw.sync]]) {
        const world = fakeWorld()
        const guest = world.enter()
        hears(guest, ...messages, raw.query('SHOW VERSION'))
        let isDone = false
        guest.visitor.cancel(() => {
          isDone = true
        })
        await settled()
        assert.deepEqual(guest.client.said(), [
          'E ERROR 57014: canceled: what it had stopped goes on',
          'Z I',
          'T version',
          version,
          'C SHOW',
          'Z I',
        ])
        assert.deepEqual([world.verbs.calls, isDone], [calls, true])
      }
    })
  }

  it('that fails later is told why, and the client goes on', async () => {
    const world = fakeWorld()
    const [one, other] = [world.enter(), world.enter()]
    hears(one, raw.query('PAUSE'))
    hears(other, raw.query('RESUME'))
    await settled()
    assert.deepEqual(one.client.said(), ['E ERROR 08P01: given up', 'Z I'])
  })

  it('is done for nobody when its client is gone', async () => {
    const world = fakeWorld()
    const guest = world.enter()
    hears(guest, raw.query('PAUSE'))
    guest.client.over = 'reset'
    guest.visitor.closed(undefined)
    await world.verbs.finish()
    assert.deepEqual([world.verbs.calls, guest.client.said()], [['pause'], []])
    assert.doesNotMatch(world.logged.join(''), /ERROR|WARNING/)
  })

  it('is not there when a cancel comes: nothing happens', () => {
    const world = fakeWorld()
    const guest = world.enter()
    let dones = 0
    guest.visitor.cancel(() => dones++)
    assert.deepEqual([world.verbs.calls, guest.client.said(), dones], [[], [], 1])
  })

  it('keeps 64 KiB of what its client sends meanwhile, and then reads no more', async () => {
    const world = fakeWorld()
    const { client, visitor } = world.enter()
    visitor.received(raw.query('PAUSE'))
    const ahead = raw.query('SHOW VERSION')
    let sent = 0
    for (; !client.isPaused && sent < 5_000; sent++) visitor.received(ahead)
    assert.equal(sent, Math.floor(65_536 / ahead.length) + 1)
    await world.verbs.finish()
    for (let turns = 0; world.soon.length > 0 && turns < 100; turns++) world.soon.shift()?.()
    assert.equal(client.said().filter((line) => line === 'Z I').length, sent + 1)
    assert.equal(client.isPaused, false)
  })

  it('that breaks on a bug of ours resets its client, is logged, and harms nobody else', async () => {
    const figures = { state: (): never => assert.fail('a bug') }
    const reload = async (): Promise<void> => assert.fail('a bug')
    const world = fakeWorld({ process: { reload }, figures })
    const [one, other] = [world.enter(), world.enter('stats')]
    one.visitor.received(raw.query('RELOAD'))
    await new Promise(setImmediate)
    assert.equal(one.client.over, 'reset')
    assert.match(world.logged.join(''), /ERROR a bug of the console closed client 101: .*a bug/)
    assert.deepEqual(hears(other, raw.query('SHOW VERSION')), ['T version', version, 'C SHOW', 'Z I'])
  })
})

describe('when the last admin leaves', () => {
  const suspended: FakeParts = { figures: { state: () => ({ ...noFigures.state(), isSuspended: true }) } }
  const leave = ({ visitor }: Guest): void => visitor.closed(undefined)

  it('a suspended pooler goes on, even if stats users are left', () => {
    const world = fakeWorld(suspended)
    const [one, other] = [world.enter(), world.enter()]
    world.enter('stats')
    leave(one)
    assert.deepEqual(world.verbs.calls, [])
    leave(other)
    assert.deepEqual(world.verbs.calls, ['resume'])
    assert.match(world.logged.join(''), /the last admin left/)
  })

  it('a paused pooler stays paused', () => {
    const world = fakeWorld({ figures: { state: () => ({ ...noFigures.state(), isPaused: true }) } })
    leave(world.enter())
    assert.deepEqual(world.verbs.calls, [])
  })
})

describe('a long answer', () => {
  const many: FakeParts = {
    process: {
      settings: () =>
        Array.from({ length: 10_000 }, (_, n) => ({
          name: `n${n}`,
          value: 'x'.repeat(100),
          default: undefined,
          isChangeable: true,
        })),
    },
  }
  const mostAtOnce = 65_536 + 32_768

  it('goes out in bursts, and stops while the client does not read', () => {
    const world = fakeWorld(many)
    const { client, visitor } = world.enter()
    const before = client.writtenBytes
    visitor.received(raw.all(raw.query('SHOW CONFIG'), raw.query('SHOW VERSION')))
    assert.ok(client.writtenBytes - before < mostAtOnce, `${client.writtenBytes}`)
    client.isBlocked = true
    visitor.blocked()
    const stopped = client.writtenBytes
    for (const goOn of world.soon.splice(0)) goOn()
    assert.deepEqual([client.writtenBytes, client.over], [stopped, undefined])
    client.isBlocked = false
    visitor.drained()
    while (world.soon.length > 0) {
      const from = client.writtenBytes
      world.soon.shift()?.()
      assert.ok(client.writtenBytes - from < mostAtOnce)
    }
    const said = client.said()
    assert.equal(said.length, 1 + 10_000 + 2 + 4)
    assert.deepEqual(said.slice(-4), ['T version', version, 'C SHOW', 'Z I'])
  })

  it('is not multiplied by commands that are asked ahead', () => {
    const world = fakeWorld(many)
    const { client, visitor } = world.enter()
    const before = client.writtenBytes
    visitor.received(Buffer.concat(Array.from({ length: 5_000 }, () => raw.query('SHOW CONFIG'))))
    assert.ok(client.writtenBytes - before < mostAtOnce)
    assert.equal(client.isPaused, true)
  })
})

describe('whatever bytes come', () => {
  const bits = [
    raw.query('SHOW VERSION'),
    raw.query('BEGIN'),
    raw.query('PAUSE'),
    raw.query("SET a = 'b"),
    raw.parse('SHOW LISTS', 's'),
    raw.parse('SHOW STATE'),
    raw.parse('nonsense'),
    raw.bind([], 's', 'p'),
    raw.bind(),
    bindIn([1]),
    raw.describeStatement('s'),
    raw.describePortal('p'),
    raw.execute(1, 'p'),
    raw.execute(),
    raw.closeStatement('s'),
    raw.flush,
    raw.sync,
    raw.sync,
  ]

  it('the console throws nothing, resets nobody, and is ready no more often than it was asked', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = new Random(seed)
    for (let round = 0; round < 2_000; round++) {
      const { client, visitor } = fakeWorld().enter()
      let pending = 0
      for (let step = 0; step < 30 && client.isOpen; step++) {
        const bytes = Buffer.from(bits[random.integer(0, bits.length - 1)] as Buffer)
        const isBroken = random.chance(0.03)
        if (isBroken) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255)
        visitor.received(bytes)
        pending++
      }
      const said = client.said()
      const readies = said.filter((line) => line.startsWith('Z')).length
      assert.ok(readies <= pending, `seed ${seed}`)
      assert.ok(client.over !== 'reset', `seed ${seed}`)
    }
  })

  it('every Sync is answered once, and every Query outside of what is skipped', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const random = new Random(seed)
    const harmless = bits.filter((_, index) => index !== 2)
    for (let round = 0; round < 500; round++) {
      const { client, visitor } = fakeWorld().enter()
      let expected = 0
      for (let step = 0; step < 30; step++) {
        const bytes = harmless[random.integer(0, harmless.length - 1)] as Buffer
        visitor.received(raw.all(bytes, raw.sync))
        expected += bytes[0] === 'Q'.charCodeAt(0) || bytes === raw.sync ? 2 : 1
      }
      assert.equal(client.said().filter((line) => line.startsWith('Z')).length, expected, `seed ${seed}`)
    }
  })
})
