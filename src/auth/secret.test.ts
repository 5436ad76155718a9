import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { md5Secret } from './md5.ts'
import { ScramKeys, ScramVerifier } from './scram-keys.ts'
import {
  areSameCredentials,
  type Credentials,
  credentialsOf,
  Md5Secret,
  NoSecret,
  parseSecret,
  PlainSecret,
  type Secret,
} from './secret.ts'

const salt = Buffer.from('0123456789abcdef')
const key = Buffer.alloc(32, 7).toString('base64')
const parse = (text: string): Secret => parseSecret(Buffer.from(text))
const scram = (iterations: number | string, saltText = salt.toString('base64'), stored = key, server = key): Secret =>
  parse(`SCRAM-SHA-256$${iterations}:${saltText}$${stored}:${server}`)

function problemOf(secret: Secret): string {
  assert.ok(secret.kind === 'none', `it is ${secret.kind}`)
  return secret.problem
}

describe('parseSecret', () => {
  it('takes a password as it is', () => {
    for (const text of ['x', ' a b ', 'Jürgen', 'md5', `md5${'0'.repeat(31)}`, 'SCRAM-SHA-1$', 'x'.repeat(65_530)]) {
      const secret = parse(text)
      assert.ok(secret.kind === 'plain')
      assert.equal(secret.password.toString(), text)
    }
    const secret = parseSecret(Buffer.from([0xff, 0xfe]))
    assert.ok(secret.kind === 'plain')
    assert.deepEqual(secret.password, Buffer.from([0xff, 0xfe]))
  })

  it('knows an md5 secret by its form, and takes anything else that begins like one for a password', () => {
    const hash = md5Secret(Buffer.from('pencil'), 'user').toString()
    const secret = parse(hash)
    assert.ok(secret.kind === 'md5')
    assert.equal(secret.hash.toString(), hash)
    const others = [hash.toUpperCase(), `md5${hash.slice(3).toUpperCase()}`, `${hash}0`, ` ${hash}`, hash.slice(0, -1)]
    for (const text of [...others, `${hash}\n`]) assert.equal(parse(text).kind, 'plain', text)
  })

  it('knows a SCRAM secret, and writes it as it was', () => {
    for (const iterations of [1, 4_096, 600_000]) {
      const secret = scram(iterations)
      assert.ok(secret.kind === 'scram')
      assert.deepEqual([secret.iterations, secret.salt], [iterations, salt])
      assert.equal(secret.text, `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${key}:${key}`)
    }
  })

  it('takes nothing that begins like a SCRAM secret for a password: it matches nobody', () => {
    const form = 'the SCRAM secret is damaged: it is not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey'
    const base64 = 'the SCRAM secret is damaged: salt and keys must be base64'
    const range = 'allowed: 1 to 600,000'
    const keyLength = 'the SCRAM secret is damaged: a key must have 32 bytes'
    const cases: [Secret, string][] = [
      [parse('SCRAM-SHA-256$'), form],
      [parse('SCRAM-SHA-256$4096'), form],
      [parse(`SCRAM-SHA-256$4096:c2FsdA==$${key}`), form],
      [parse(`SCRAM-SHA-256$4096:c2FsdA==$${key}:${key}:${key}`), form],
      [scram(''), form],
      [scram('-1'), form],
      [scram('1e3'), form],
      [scram('99999999999'), form],
      [scram(0), `the SCRAM secret is damaged: 0 iterations; ${range}`],
      [scram(600_001), `the SCRAM secret is damaged: 600,001 iterations; ${range}`],
      [scram(2 ** 31), `the SCRAM secret is damaged: 2,147,483,648 iterations; ${range}`],
      [scram(1, ''), 'the SCRAM secret is damaged: the salt has 0 bytes; allowed: 1 to 1,024'],
      [
        scram(1, Buffer.alloc(1_025).toString('base64')),
        'the SCRAM secret is damaged: the salt has 1,025 bytes; allowed: 1 to 1,024',
      ],
      [scram(1, 'c2FsdA'), base64],
      [scram(1, 'c2Fs dA=='), base64],
      [scram(1, 'c2FsdB=='), base64],
      [scram(1, 'c2FsdA==', 'é'), base64],
      [scram(1, 'c2FsdA==', 'c2FsdA=='), keyLength],
      [scram(1, 'c2FsdA==', key, Buffer.alloc(33).toString('base64')), keyLength],
      [scram(1, 'c2FsdA==', key, ''), keyLength],
    ]
    for (const [secret, problem] of cases) assert.equal(problemOf(secret), problem)
  })

  it('takes what is empty, too long or not writable as a password for none', () => {
    assert.equal(problemOf(parse('')), 'the password is empty')
    assert.equal(problemOf(parse('x'.repeat(65_531))), 'the password has 65,531 bytes; allowed: up to 65,530')
    assert.equal(problemOf(parse('a\0b')), 'the password has a NUL in it')
  })
})

describe('a secret', () => {
  it('shows nothing of itself when it is printed, inspected or written as JSON', () => {
    const canary = Buffer.from('S3CR3T-canary-of-thirty-two-byte')
    const keys = new ScramKeys({ salt, iterations: 1 }, canary, canary)
    const verifier = new ScramVerifier({ salt, iterations: 1 }, canary, canary)
    const secrets = [new PlainSecret(canary), new Md5Secret(canary), keys, verifier]
    const forms = [canary.toString(), canary.toString('hex'), canary.toString('base64'), canary.join(','), '53 33 43']
    for (const secret of secrets) {
      const shown = `${inspect(secret, { depth: 9, showHidden: true })} ${JSON.stringify(secret)}`
      for (const form of forms) assert.ok(!shown.includes(form), `${secret.kind} shows ${form}: ${shown}`)
    }
  })
})

describe('a verifier', () => {
  it('comes from a salted password, as PostgreSQL makes one', () => {
    // Salt and password of RFC 7677's example.
    const exampleSalt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    const salted = pbkdf2Sync('pencil', exampleSalt, 4_096, 32, 'sha256')
    const verifier = ScramVerifier.fromSaltedPassword({ salt: exampleSalt, iterations: 4_096 }, salted)
    assert.equal(
      verifier.text,
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    )
  })

  it('tells the password that it was made of from others', () => {
    const [right, wrong] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const verifier = ScramVerifier.fromSaltedPassword({ salt, iterations: 1 }, right)
    assert.equal(verifier.keysDerivedFrom(wrong), undefined)
    assert.equal(verifier.keysDerivedFrom(right)?.verifier.text, verifier.text)
    const text = verifier.text.replace(/[^:]+$/, key)
    const half = parse(text)
    assert.ok(half.kind === 'scram')
    assert.equal(half.keysDerivedFrom(right), undefined)
  })
})

describe('credentialsOf', () => {
  const keys = ScramKeys.fromSaltedPassword({ salt, iterations: 1 }, Buffer.alloc(32))

  it('are what is stored, as long as that can log in', () => {
    for (const secret of [parse('pencil'), parse(`md5${'0'.repeat(32)}`), new NoSecret('none')]) {
      assert.equal(credentialsOf(secret, keys), secret)
    }
  })

  it('are the keys of a client where a verifier is stored, once there are any', () => {
    assert.equal(credentialsOf(keys.verifier, keys), keys)
    assert.deepEqual(
      credentialsOf(keys.verifier, undefined),
      new NoSecret('only a SCRAM secret is stored, and no client has logged in with its password yet'),
    )
  })
})

describe('credentials', () => {
  it('are the same only if kind and secret are', () => {
    const keys = (password: string, salted = salt, iterations = 4_096): ScramKeys =>
      ScramKeys.fromSaltedPassword({ salt: salted, iterations }, pbkdf2Sync(password, salted, iterations, 32, 'sha256'))
    const make = (): (Secret | Credentials)[] => [
      new NoSecret('none'),
      new PlainSecret(Buffer.from('one')),
      new PlainSecret(Buffer.from('two')),
      new Md5Secret(md5Secret(Buffer.from('one'), 'user')),
      new Md5Secret(md5Secret(Buffer.from('two'), 'user')),
      keys('one'),
      keys('two'),
      keys('one', Buffer.from('another salt')),
      keys('one', salt, 4_097),
      keys('one').verifier,
      keys('two').verifier,
    ]
    const others = make()
    for (const [at, these] of make().entries()) {
      assert.deepEqual(
        others.map((those) => areSameCredentials(these, those)),
        others.map((_, index) => index === at),
      )
    }
  })
})
