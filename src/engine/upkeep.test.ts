import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deadline } from '../time.ts'
import { Slot } from './slot.ts'
import { Upkeep, type UpkeepSettings } from './upkeep.ts'

const off: UpkeepSettings = { lifetimeMs: 0, lifetimeJitter: 0, idleTimeoutMs: 0, keepAliveMs: 0, random: () => 0 }

function upkeep(settings: Partial<UpkeepSettings>): Upkeep<string> {
  return new Upkeep({ ...off, ...settings })
}

/** An idle one that was last used, last known to live and will be too old at these times. */
function slot(times: Partial<Pick<Slot<string>, 'usedAtMs' | 'provenAtMs' | 'expiresAtMs'>> = {}): Slot<string> {
  const one = new Slot<string>(() => new Deadline(() => undefined))
  return Object.assign(one, { provenAtMs: times.usedAtMs ?? 0, ...times })
}

describe('Upkeep', () => {
  it('is never due, if nothing is asked for', () => {
    const none = upkeep({})
    assert.deepEqual(
      [none.expiresAtMs(7), none.due(slot(), true, 1e15), none.nextAtMs(slot(), true, 0)],
      [Infinity, undefined, Infinity],
    )
  })

  it('ends a lifetime earlier by a part that is random', () => {
    const expiries = [0, 0.5, 1].map((chance) =>
      upkeep({ lifetimeMs: 1_000, lifetimeJitter: 0.2, random: () => chance }).expiresAtMs(50),
    )
    assert.deepEqual(expiries, [1_050, 950, 850])
  })

  it('finds what is too old, though it is needed', () => {
    const it = upkeep({ lifetimeMs: 1_000 })
    const one = slot({ expiresAtMs: 1_000 })
    assert.deepEqual([it.due(one, false, 999), it.due(one, false, 1_000)], [undefined, 'lifetime'])
  })

  it('finds what has been idle for too long, if it can be spared', () => {
    const it = upkeep({ idleTimeoutMs: 100 })
    const one = slot({ usedAtMs: 50 })
    assert.deepEqual(
      [it.due(one, true, 149), it.due(one, true, 150), it.due(one, false, 150)],
      [undefined, 'idle', undefined],
    )
  })

  it('finds what was not heard of for too long, counted from the last check', () => {
    const it = upkeep({ keepAliveMs: 100 })
    const one = slot({ usedAtMs: 0, provenAtMs: 50 })
    assert.deepEqual([it.due(one, true, 149), it.due(one, true, 150)], [undefined, 'check'])
  })

  it('closes rather than checks', () => {
    const all = upkeep({ lifetimeMs: 1, idleTimeoutMs: 100, keepAliveMs: 100 })
    assert.equal(all.due(slot(), true, 100), 'idle')
    assert.equal(all.due(slot({ expiresAtMs: 100 }), true, 100), 'lifetime')
  })

  it('is looked at when the first of these comes', () => {
    const all = upkeep({ lifetimeMs: 1, idleTimeoutMs: 100, keepAliveMs: 30 })
    const nexts = [1_000, 40].map((expiresAtMs) =>
      all.nextAtMs(slot({ usedAtMs: 10, provenAtMs: 20, expiresAtMs }), true, 20),
    )
    assert.deepEqual(nexts, [50, 40])
    assert.equal(all.nextAtMs(slot({ usedAtMs: 10, provenAtMs: 100 }), true, 105), 110)
  })

  it('is checked again so long after it was last known to live', () => {
    assert.equal(upkeep({ keepAliveMs: 100 }).nextAtMs(slot({ provenAtMs: 50 }), true, 70), 150)
  })

  it('counts from now on for what somebody holds', () => {
    const it = upkeep({ idleTimeoutMs: 100 })
    assert.deepEqual([it.nextAtMs(slot(), true, 60), it.nextAtMs(slot(), false, 60)], [100, 160])
  })

  it('looks only now and then at what is past its time and stays all the same', () => {
    assert.equal(upkeep({ idleTimeoutMs: 100 }).nextAtMs(slot(), true, 250), 350)
  })
})
