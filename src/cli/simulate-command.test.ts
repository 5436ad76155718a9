import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusalOf } from '../../test/support/refusal.ts'
import { parseArguments } from './arguments.ts'

const usual = { name: 'simulate', report: undefined, isJson: false }
const scenario = { kind: 'scenario', file: 'a.toml', seed: undefined, sweep: undefined }
const replay = { kind: 'replay', file: 'r', poolSizes: [], callers: undefined, coreUse: undefined }

function parse(line: string): unknown {
  return parseArguments(`simulate ${line}`.trim().split(' '))
}

const refusal = (line: string): string => refusalOf(() => parse(line))

describe('taxirank simulate', () => {
  const accepted: Record<string, object> = {
    'a.toml': { ...usual, what: scenario },
    '-- -a.toml': { ...usual, what: { ...scenario, file: '-a.toml' } },
    'a.toml --seed 0 --json': { ...usual, what: { ...scenario, seed: 0 }, isJson: true },
    '--report=p.html a.toml': { ...usual, what: scenario, report: 'p.html' },
    'a.toml --sweep web.pool_size=2..4': {
      ...usual,
      what: { ...scenario, sweep: { key: 'web.pool_size', values: [2, 3, 4] } },
    },
    '--replay r': { ...usual, what: replay },
    '--replay r --pool-size 20,8,12,8': { ...usual, what: { ...replay, poolSizes: [8, 12, 20] } },
    '--replay r --callers open': { ...usual, what: { ...replay, callers: 'open' } },
    '--replay r --callers closed --cores 4': {
      ...usual,
      what: { ...replay, callers: 'closed', coreUse: { cores: 4, onCore: 1 } },
    },
    '--replay r --on-core .5 --cores 4': { ...usual, what: { ...replay, coreUse: { cores: 4, onCore: 0.5 } } },
  }
  for (const [line, command] of Object.entries(accepted)) {
    it(`takes ${line}`, () => assert.deepEqual(parse(line), command))
  }

  const belongs = '--pool-size, --callers, --cores and --on-core belong to --replay'
  const refused: Record<string, string> = {
    '': 'taxirank simulate needs a scenario, or --replay with a recording',
    'a.toml b.toml': "too many arguments for 'simulate'. Expected 1 argument but got 2.",
    'a.toml --pool-size 4': belongs,
    'a.toml --callers open': belongs,
    'a.toml --cores 4': belongs,
    'a.toml --on-core 0.5': belongs,
    'a.toml --replay r': 'a recording is replayed without a scenario, and a.toml was given',
    '--replay r --seed 3': '--seed and --sweep belong to a scenario, not to --replay',
    '--replay r --sweep a=1..2': '--seed and --sweep belong to a scenario, not to --replay',
    '--replay r --on-core 0.5': '--on-core needs --cores',
    '--replay r --callers some':
      "option '--callers <open|closed>' argument 'some' is invalid. Allowed: open or closed.",
    '--replay r --pool-size 0': "option '--pool-size <N,…>' argument '0' is invalid. Allowed: 1 to 100,000.",
    '--replay r --pool-size 8,,12': "option '--pool-size <N,…>' argument '8,,12' is invalid. Allowed: 1 to 100,000.",
    '--replay r --cores 4 --on-core 0':
      "option '--on-core <SHARE>' argument '0' is invalid. Allowed: above 0, up to 1.",
    '--replay r --cores 4 --on-core 1.1':
      "option '--on-core <SHARE>' argument '1.1' is invalid. Allowed: above 0, up to 1.",
    '--replay=': "option '--replay <FILE>' argument '' is invalid. Allowed: a path.",
    'a.toml --seed -1': "option '--seed <N>' argument '-1' is invalid. Allowed: 0 to 9,007,199,254,740,991.",
    'a.toml --report=': "option '--report <FILE.html>' argument '' is invalid. Allowed: a path.",
    'a.toml --swep a=1..2': "unknown option '--swep'\n(Did you mean --sweep?)",
  }
  for (const [line, problem] of Object.entries(refused)) {
    it(`refuses ${line === '' ? 'nothing' : line}`, () => {
      assert.equal(refusal(line), `${problem}\nTry "taxirank --help" for more information.`)
    })
  }

  it('refuses more than 100 sizes, and a sweep that is none', () => {
    const sizes = Array.from({ length: 101 }, (_, index) => index + 1).join(',')
    assert.match(refusal(`--replay r --pool-size ${sizes}`), /At most 100 sizes\.\nTry /)
    assert.match(refusal('a.toml --sweep pool_size'), /^--sweep must be KEY=FROM\.\.TO, .*; got pool_size$/)
  })

  it("refuses the pooler's switches", () => {
    assert.throws(() => parseArguments(['-d', 'simulate', 'a.toml']), /--daemon belongs to taxirank FILE\.ini, not to/)
  })

  it('shows its switches in its help', () => {
    const help = parseArguments(['simulate', '--help'])
    assert.ok(help.name === 'help')
    const parts = ['SCENARIO', '--sweep', '--seed', '--replay', '--pool-size', '--callers', '--cores', '--on-core']
    for (const part of [...parts, '--report', '--json']) assert.ok(help.text.includes(part), part)
  })
})
