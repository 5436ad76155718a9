import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TrackedParameters } from './parameters.ts'
import { readStartup } from './startup-parameters.ts'

const nothingIgnored: ReadonlySet<string> = new Set()

function read(packet: Record<string, string>, ignored = nothingIgnored) {
  const { user, database, parameters } = readStartup(new Map(Object.entries(packet)), ignored)
  return { user, database, parameters: Object.fromEntries(parameters) }
}

const parametersOf = (packet: Record<string, string>, ignored = nothingIgnored): Record<string, string> =>
  read({ user: 'me', ...packet }, ignored).parameters

describe('readStartup', () => {
  it('sorts out who asks for what', () => {
    assert.deepEqual(read({ user: 'me', database: 'mine', application_name: 'psql', client_encoding: 'UTF8' }), {
      user: 'me',
      database: 'mine',
      parameters: { application_name: 'psql', client_encoding: 'UTF8' },
    })
  })

  it('takes the name of the user for the database if that is missing or empty', () => {
    assert.deepEqual([read({ user: 'me' }).database, read({ user: 'me', database: '' }).database], ['me', 'me'])
  })

  it('refuses a client without a user', () => {
    for (const packet of [{}, { user: '' }, { database: 'mine' }] as Record<string, string>[]) {
      assert.throws(() => read(packet), {
        code: 'authentication_failed',
        message: 'the startup packet names no user',
      })
    }
  })

  it("keeps parameters by PostgreSQL's spelling", () => {
    assert.deepEqual(parametersOf({ datestyle: 'ISO', TIMEZONE: 'UTC' }), { DateStyle: 'ISO', TimeZone: 'UTC' })
  })

  it('keeps what is not tracked apart, by lower-case name', () => {
    const packet = { user: 'me', Work_Mem: '1GB', options: '-c my.setting=x --enable-seqscan=off' }
    const { parameters, settings } = readStartup(new Map(Object.entries(packet)), nothingIgnored)
    assert.deepEqual(Object.fromEntries(parameters), {})
    assert.deepEqual(Object.fromEntries(settings), { work_mem: '1GB', 'my.setting': 'x', enable_seqscan: 'off' })
  })

  it('tracks what it is told to, beyond what PostgreSQL itself reports', () => {
    const tracked = new TrackedParameters(['my.Setting', 'session_authorization'])
    const packet = new Map([
      ['user', 'me'],
      ['MY.SETTING', 'x'],
      ['timezone', 'UTC'],
    ])
    const { parameters, settings } = readStartup(packet, nothingIgnored, tracked)
    assert.deepEqual(
      [...parameters],
      [
        ['my.Setting', 'x'],
        ['TimeZone', 'UTC'],
      ],
    )
    assert.deepEqual([...settings], [])
  })

  it('refuses what can not be carried', () => {
    for (const name of ['session_authorization', 'is_superuser', 'Seed', 'temp_buffers'])
      assert.throws(() => parametersOf({ options: `-c ${name}=0.5` }), { code: 'unsupported_startup_parameter' })
  })

  it("keeps an application's name as PostgreSQL does", () => {
    assert.equal(parametersOf({ application_name: 'caf\xc3\xa9\xff 1' })['application_name'], 'caf\\xc3\\xa9\\xff 1')
  })

  it('refuses what is no name of a setting, and says how to let it pass', () => {
    assert.throws(() => parametersOf({ 'work mem': '1GB' }), {
      code: 'unsupported_startup_parameter',
      message: 'unsupported startup parameter: work mem (ignore_startup_parameters lets it pass without effect)',
    })
    for (const name of ["a'b", 'a.', '.a', '1a', 'a-b', 'x'.repeat(201)]) {
      assert.throws(() => parametersOf({ [name]: '1' }), { code: 'unsupported_startup_parameter' }, name)
    }
    assert.throws(() => parametersOf({ [Buffer.from('größe').toString('latin1')]: '1' }), /parameter: größe /)
  })

  it('passes over what is ignored, whatever its case, also in options', () => {
    const ignored = new Set(['work_mem', 'extra_float_digits'])
    const packet = { Work_Mem: '1GB', extra_float_digits: '3', options: '-c work_mem=2GB --extra-float-digits=1' }
    assert.deepEqual(parametersOf(packet, ignored), {})
    assert.deepEqual(parametersOf({ options: 'whatever this is' }, new Set(['options'])), {})
  })

  it('passes over protocol options', () => {
    assert.deepEqual(parametersOf({ '_pq_.command_tag_format': 'fancy' }), {})
  })

  it('refuses replication, unless it is switched off', () => {
    for (const off of ['false', 'off', 'no', '0', 'OFF']) assert.deepEqual(parametersOf({ replication: off }), {})
    for (const on of ['true', 'database', '1', 'yes', '']) {
      assert.throws(() => parametersOf({ replication: on }), {
        code: 'feature_not_supported',
        message: 'replication connections are not supported: connect directly',
      })
    }
  })

  describe('options', () => {
    const options = (text: string): Record<string, string> => parametersOf({ options: text })

    it('are read in all their spellings', () => {
      const expected = { search_path: 'a', TimeZone: 'UTC' }
      assert.deepEqual(options('-c search_path=a -c TimeZone=UTC'), expected)
      assert.deepEqual(options('-csearch_path=a  --timezone=UTC'), expected)
      assert.deepEqual(options(' --search-path=a\t-c\ntimezone=UTC '), expected)
      assert.deepEqual(options(''), {})
    })

    it('may escape spaces and backslashes', () => {
      assert.deepEqual(options('-c application_name=a\\ b\\\\c'), { application_name: 'a b\\c' })
    })

    it('may hold an empty value, and equals signs', () => {
      assert.deepEqual(options('-c application_name= -c search_path=a=b'), { application_name: '', search_path: 'a=b' })
    })

    it('are refused when they are anything else', () => {
      const refused = [
        '-c',
        '-c search_path',
        '-c =x',
        '-d 3',
        'search_path=a',
        '--search_path',
        '-',
        '--',
        '-c work;mem=1',
      ]
      for (const text of refused) {
        assert.throws(() => options(text), { code: 'unsupported_startup_parameter' }, text)
      }
      assert.throws(() => options('-d 3'), {
        message:
          'unsupported startup parameter: options "-d 3" (ignore_startup_parameters lets it pass without effect)',
      })
    })
  })
})
