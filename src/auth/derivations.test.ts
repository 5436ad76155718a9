import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { TaxirankError } from '../errors.ts'
import { Derivation, Derivations, derivationsDefaults, type DerivationWaiter } from './derivations.ts'

const salt = { salt: Buffer.from('salt'), iterations: 1 }
const derivation = (password: string, isKept = true, of = salt): Derivation =>
  new Derivation(Buffer.from(password), of, isKept)
const resultOf = (password: string): Buffer => Buffer.from(`derived ${password}`)

/** Derivations that end when the test says so. */
class Bench {
  readonly running: string[] = []
  readonly #ends = new Map<string, (error: Error | null, salted: Buffer) => void>()
  readonly derivations: Derivations

  constructor(limits: { mostAtOnce?: number; mostWaiting?: number; mostKept?: number } = {}) {
    this.derivations = new Derivations({
      ...derivationsDefaults,
      ...limits,
      derive: ({ password }, done) => {
        this.running.push(password.toString())
        this.#ends.set(password.toString(), done)
      },
    })
  }

  finish(password: string, error: Error | null = null): void {
    const end = this.#ends.get(password)
    assert.ok(end, `${password} is not running`)
    this.#ends.delete(password)
    this.running.splice(this.running.indexOf(password), 1)
    end(error, resultOf(password))
  }
}

class Waiter implements DerivationWaiter {
  readonly heard: string[] = []

  derived(saltedPassword: Buffer): void {
    this.heard.push(saltedPassword.toString())
  }

  derivationFailed(error: TaxirankError): void {
    this.heard.push(`${error.code} ${String(error.retryable)} ${error.message}`)
  }
}

describe('Derivations', () => {
  it('derive what PBKDF2 gives, later', async () => {
    const expected = pbkdf2Sync('pencil', 'salt', 4_096, 32, 'sha256')
    const result = await new Promise<Buffer>((resolve, reject) => {
      const waiter = { derived: resolve, derivationFailed: reject }
      const known = new Derivations().derive(derivation('pencil', true, { ...salt, iterations: 4_096 }), waiter)
      assert.equal(known, undefined)
    })
    assert.deepEqual(result, expected)
  })

  it('run as many at once as they may, the others in the order in which they came', () => {
    const bench = new Bench({ mostAtOnce: 2 })
    const waiters = ['a', 'b', 'c', 'd'].map((password) => {
      const waiter = new Waiter()
      assert.equal(bench.derivations.derive(derivation(password), waiter), undefined)
      return waiter
    })
    assert.deepEqual([bench.running, bench.derivations.waiting], [['a', 'b'], 2])
    bench.finish('b')
    assert.deepEqual([bench.running, bench.derivations.waiting], [['a', 'c'], 1])
    for (const password of ['c', 'd', 'a']) bench.finish(password)
    assert.deepEqual([bench.running, bench.derivations.waiting], [[], 0])
    assert.deepEqual(
      waiters.map(({ heard }) => heard),
      [['derived a'], ['derived b'], ['derived c'], ['derived d']],
    )
  })

  it('derive once what many ask for at the same time', () => {
    const bench = new Bench()
    const waiters = Array.from({ length: 100 }, () => new Waiter())
    for (const waiter of waiters) bench.derivations.derive(derivation('a'), waiter)
    assert.deepEqual([bench.running, bench.derivations.waiting], [['a'], 0])
    bench.finish('a')
    assert.ok(waiters.every(({ heard }) => heard.join() === 'derived a'))
  })

  it('keep what is known to be right, and not what was only claimed', () => {
    const bench = new Bench()
    for (const isKept of [true, false]) {
      bench.derivations.derive(derivation('a', isKept), new Waiter())
      bench.finish('a')
      const known = bench.derivations.derive(derivation('a', isKept), new Waiter())
      assert.deepEqual(known, isKept ? resultOf('a') : undefined)
    }
  })

  it('tell apart what differs in password, salt or iterations, wherever one ends and the other begins', () => {
    const bench = new Bench()
    bench.derivations.derive(derivation('ab'), new Waiter())
    bench.finish('ab')
    const others = [
      derivation('a'),
      derivation('ab', true, { ...salt, iterations: 2 }),
      derivation('ab', true, { ...salt, salt: Buffer.from('Salt') }),
      derivation('b', true, { ...salt, salt: Buffer.from('salta') }),
      derivation('tab', true, { ...salt, salt: Buffer.from('sal') }),
    ]
    for (const other of others) assert.equal(bench.derivations.derive(other, new Waiter()), undefined)
  })

  it('forget what was not asked for longest', () => {
    const bench = new Bench({ mostKept: 2 })
    const ask = (password: string): Buffer | undefined => bench.derivations.derive(derivation(password), new Waiter())
    for (const password of ['a', 'b']) {
      ask(password)
      bench.finish(password)
    }
    assert.deepEqual(ask('a'), resultOf('a'))
    ask('c')
    bench.finish('c')
    assert.deepEqual(ask('a'), resultOf('a'))
    assert.deepEqual(ask('c'), resultOf('c'))
    assert.equal(ask('b'), undefined)
  })

  it('refuse when as many wait as may, but not what is already under way', () => {
    const bench = new Bench({ mostAtOnce: 1, mostWaiting: 2 })
    for (const password of ['a', 'b', 'c']) bench.derivations.derive(derivation(password), new Waiter())
    assert.throws(() => bench.derivations.derive(derivation('d'), new Waiter()), {
      code: 'overloaded',
      retryable: true,
      message: 'too many logins at once: 2 wait for their password to be hashed',
    })
    assert.equal(bench.derivations.derive(derivation('c'), new Waiter()), undefined)
    bench.finish('a')
    assert.equal(bench.derivations.derive(derivation('d'), new Waiter()), undefined)
  })

  it('come first for what is known to be right, and are not refused because of what is claimed', () => {
    const bench = new Bench({ mostAtOnce: 1, mostWaiting: 2 })
    for (const password of ['a', 'b', 'c']) bench.derivations.derive(derivation(password, false), new Waiter())
    assert.throws(() => bench.derivations.derive(derivation('d', false), new Waiter()), { code: 'overloaded' })
    bench.derivations.derive(derivation('known'), new Waiter())
    bench.finish('a')
    assert.deepEqual(bench.running, ['known'])
    bench.finish('known')
    assert.deepEqual(bench.running, ['b'])
  })

  it('do not call who has left, and do not begin what nobody waits for', () => {
    const bench = new Bench({ mostAtOnce: 1 })
    const [first, second, third, stays] = [new Waiter(), new Waiter(), new Waiter(), new Waiter()]
    bench.derivations.derive(derivation('a'), first)
    bench.derivations.derive(derivation('b'), second)
    bench.derivations.derive(derivation('c'), third)
    bench.derivations.derive(derivation('c'), stays)
    for (const waiter of [first, second, third, third, new Waiter()]) bench.derivations.abandon(waiter)
    assert.equal(bench.derivations.waiting, 1)
    bench.finish('a')
    assert.deepEqual(bench.running, ['c'])
    bench.finish('c')
    assert.deepEqual(
      [first, second, third, stays].map(({ heard }) => heard),
      [[], [], [], ['derived c']],
    )
  })

  it('go on when the runtime could not do one, and keep nothing of it', () => {
    const bench = new Bench({ mostAtOnce: 1 })
    const [failing, next] = [new Waiter(), new Waiter()]
    bench.derivations.derive(derivation('a'), failing)
    bench.derivations.derive(derivation('b'), next)
    bench.finish('a', new Error('no memory'))
    bench.finish('b')
    assert.deepEqual([failing.heard, next.heard], [['overloaded true a password could not be hashed'], ['derived b']])
    assert.equal(bench.derivations.derive(derivation('a'), new Waiter()), undefined)
  })

  it('let a waiter leave, or ask anew, while it or another is told', () => {
    const bench = new Bench()
    const other = new Waiter()
    const again = new Waiter()
    const leaver: DerivationWaiter = {
      derived: () => {
        bench.derivations.abandon(other)
        assert.deepEqual(bench.derivations.derive(derivation('a'), again), resultOf('a'))
      },
      derivationFailed: () => assert.fail(),
    }
    bench.derivations.derive(derivation('a'), leaver)
    bench.derivations.derive(derivation('a'), other)
    bench.finish('a')
    assert.deepEqual([other.heard, again.heard], [[], []])
  })
})
