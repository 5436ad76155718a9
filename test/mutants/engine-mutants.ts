/** Bugs of the lending engine that its own tests must see: the model, the simulation and the examples. */

import type { Mutant } from './mutants.ts'

const pool = 'src/engine/pool.ts'
const limits = 'src/engine/limits.ts'
const size = 'src/engine/size.ts'

export const engineMutants: readonly Mutant[] = [
  {
    name: 'last-come',
    bug: 'serves whoever came last',
    file: 'src/engine/lanes.ts',
    find: 'return this.#only?.waiting.first',
    replace: 'return this.#only?.waiting.last',
  },
  {
    name: 'barging',
    bug: 'lets a newcomer overtake those who wait',
    file: pool,
    find: 'this.#isPlain ? this.#lanes.waiting === 0 : this.#isFirst(waiter)',
    replace: 'this.#isPlain || this.#isFirst(waiter)',
  },
  {
    name: 'closing-is-gone',
    bug: 'opens another before a closed resource is gone',
    file: size,
    find: 'return this.#slots.size < this.#maxNow(now) &&',
    replace: 'return this.#slots.alive < this.#maxNow(now) &&',
  },
  {
    name: 'old-number',
    bug: 'takes a lease back from whoever held it before',
    file: 'src/engine/leases.ts',
    find: 'lease.number = ++this.#grants',
    replace: 'lease.number ||= ++this.#grants && 1',
  },
  {
    name: 'dirty',
    bug: 'lends on what was given back dirty',
    file: pool,
    find: '&& !isDirty) this.#putBack',
    replace: ') this.#putBack',
  },
  {
    name: 'unchecked',
    bug: 'lends what was not heard of for long without a check',
    file: 'src/engine/slots.ts',
    find: 'return fits && first.provenAtMs >= sinceMs ? first',
    replace: 'return fits ? first',
  },
  {
    name: 'no-alarm',
    bug: 'forgets to end a wait in time',
    file: 'src/engine/queue.ts',
    find: 'this.#desk.wakeAt(this.#waitsEndAtMs)',
    replace: '',
  },
  {
    name: 'kept-for-nobody',
    bug: 'gives everybody what is kept for a lane',
    file: 'src/engine/lanes.ts',
    find: 'return lane.leased < lane.reserved || ',
    replace: 'return lane.leased < capacity || ',
  },
  {
    name: 'stolen-place',
    bug: 'lets any pool take the place that was made for another',
    file: limits,
    find: 'return this.#turn.has(pool) || (!this.#isAttending && this.#areFree(pool.limits))',
    replace: 'return pool.limits.every(({ taken, max }) => taken < max)',
  },
  {
    name: 'nothing-offered',
    bug: 'keeps an idle resource while another pool waits for its place',
    file: pool,
    find: 'this.#places.offer(now)',
    replace: '{}',
  },
  {
    name: 'evicts-twice',
    bug: 'evicts another for a place that is about to be free',
    file: limits,
    find: 'return limit.taken - limit.closing + this.#keptAt(limit) < limit.max',
    replace: 'return false',
  },
  {
    name: 'hostage',
    bug: 'keeps a place at one limit for a pool that can get none at the other',
    file: limits,
    find: 'if (isFirst && now - sinceMs >= patienceMs) {',
    replace: 'if (isFirst) {',
  },
  {
    name: 'starving',
    bug: 'lets a busy pool keep all places of a limit for ever',
    file: limits,
    find: 'if (evictable === 0 && pool.alive === 0) this.#demand(limit, pool)',
    replace: '',
  },
  {
    name: 'never-both',
    bug: 'lets a pool that needs places at two limits wait for ever behind those that need one',
    file: limits,
    find: 'if (isFirst && now - sinceMs >= patienceMs) {',
    replace: 'if (pool.limits.length === 0) {',
  },
  {
    name: 'deaf',
    bug: 'does not look again when a place that somebody waits for is offered',
    file: limits,
    find: 'if (this.#short.has(limit) || limit.isExceeded) this.#isAsked = true',
    replace: '{}',
  },
  {
    name: 'no-pause',
    bug: 'tries again at once after a failure to open',
    file: 'src/engine/opening.ts',
    find: ' && now >= this.#retryAtMs',
    replace: '',
  },
  {
    name: 'history-only',
    bug: 'takes leases that last for ever for short ones',
    file: 'src/engine/ledger.ts',
    find: 'Math.max(this.#meanHoldMs, ageMs, 0)',
    replace: 'Math.max(this.#meanHoldMs, 0)',
  },
  {
    name: 'lends-paused',
    bug: 'lends while it is paused',
    file: pool,
    find: 'this.#life.isPaused ? undefined : this.#lanes.next(',
    replace: 'this.#lanes.next(',
  },
  {
    name: 'no-refill',
    bug: 'does not open its minimum again',
    file: size,
    find: 'return (this.#settings.refill && alive < this.#min) || ',
    replace: 'return ',
  },
  {
    name: 'break-before-make',
    bug: 'closes what is too old before its replacement is there',
    file: pool,
    find: 'if (this.#settings.refill && this.#size.isLastIdle && this.#size.hasRoom) this.#slots.expiring.push(slot)\n    else ',
    replace: '',
  },
  {
    name: 'retired-lives',
    bug: 'lends on what was retired while it was leased',
    file: pool,
    find: 'else if (slot.retiring) this.#stock.close(slot, slot.retiring, now)',
    replace: '',
  },
]
