import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LoginRequests } from './login-requests.ts'
import { ParameterSets } from './parameters.ts'

const startup = (parameters: Record<string, string>) => ({
  name: 'startup' as const,
  minor: 0,
  parameters: new Map(Object.entries(parameters)),
  protocolOptions: [],
})

describe('LoginRequests', () => {
  const sets = new ParameterSets()
  const requests = new LoginRequests(new Set(), sets)
  const packet = startup({ user: 'me', database: 'mine', timezone: 'UTC' })

  it('keeps what it found out about a packet', () => {
    assert.equal(requests.of(packet), requests.of(packet))
    assert.notEqual(requests.of(packet), requests.of(startup({ user: 'me' })))
  })

  it('names the pool of the server user that is asked for, though it named another before', () => {
    const request = requests.of(packet)
    const keys = ['one', 'other', 'one'].map((user) => request.poolKey(user))
    assert.deepEqual(keys, ['mine\0one', 'mine\0other', 'mine\0one'])
  })

  it('lays what the client asked for over the values it is given, though it was given others before', () => {
    const request = requests.of(packet)
    const over = (values: Record<string, string>) =>
      Object.fromEntries(request.startOver(sets.of(new Map(Object.entries(values))), false).values)
    assert.deepEqual(over({ TimeZone: 'Asia/Tokyo', DateStyle: 'ISO' }), { TimeZone: 'UTC', DateStyle: 'ISO' })
    assert.deepEqual(over({ TimeZone: 'Asia/Tokyo', DateStyle: 'SQL' }), { TimeZone: 'UTC', DateStyle: 'SQL' })
    assert.throws(() => over({ DateStyle: 'ISO' }), { code: 'unsupported_startup_parameter' })
  })

  it('makes settings of what PostgreSQL does not report, where settings are carried, and refuses it elsewhere', () => {
    const request = requests.of(startup({ user: 'me', work_mem: '1MB', timezone: 'UTC' }))
    const base = sets.of(new Map([['DateStyle', 'ISO']]))
    const { values, settings } = request.startOver(base, true)
    assert.deepEqual(values, base.values)
    assert.deepEqual(
      [...settings],
      [
        ['timezone', 'UTC'],
        ['work_mem', '1MB'],
      ],
    )
    request.assertCarried(true)
    assert.throws(() => request.assertCarried(false), /unsupported startup parameter: work_mem/)
  })
})
