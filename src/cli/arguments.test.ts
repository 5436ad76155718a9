import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { experiments } from '../lab/experiments.ts'
import { settings } from '../config/settings.ts'
import { refusalOf } from '../../test/support/refusal.ts'
import { parseArguments } from './arguments.ts'

const file = { name: 'file', file: 'a.ini', daemon: false, verbose: 0, quiet: false, user: undefined }
const start = { name: 'start', port: 6432, httpPort: 6433, dataDir: undefined, traceFile: undefined }

const lab = {
  name: 'lab',
  url: undefined,
  isConfirmed: false,
  isQuick: false,
  only: experiments.map(({ name }) => name),
  cores: undefined,
  folder: 'lab-report',
}

function parse(line: string): unknown {
  return parseArguments(line === '' ? [] : line.split(' '))
}

const refusal = (line: string): string => refusalOf(() => parse(line))

describe('parseArguments', () => {
  const accepted: Record<string, object> = {
    'a.ini': file,
    '-- a.ini': file,
    '-- -a.ini': { ...file, file: '-a.ini' },
    './start': { ...file, file: './start' },
    '-d a.ini': { ...file, daemon: true },
    'a.ini --daemon': { ...file, daemon: true },
    '-v -v a.ini --verbose': { ...file, verbose: 3 },
    '-dvvqu bob a.ini': { ...file, daemon: true, verbose: 2, quiet: true, user: 'bob' },
    '-ubob a.ini': { ...file, user: 'bob' },
    '--user=bob --quiet a.ini': { ...file, user: 'bob', quiet: true },
    '-q -v -u bob -- a.ini': { ...file, quiet: true, verbose: 1, user: 'bob' },
    start,
    'start --port 7000 --http=7001 --data d --trace t': {
      ...start,
      port: 7000,
      httpPort: 7001,
      dataDir: 'd',
      traceFile: 't',
    },
    lab,
    'lab --quick --only waves,hello --out there': { ...lab, isQuick: true, only: ['hello', 'waves'], folder: 'there' },
    'lab --url postgres://a@h/d --yes --cores 8': { ...lab, url: 'postgres://a@h/d', isConfirmed: true, cores: 8 },
    'check a.ini': { name: 'check', file: 'a.ini' },
    'check -- -a.ini': { name: 'check', file: '-a.ini' },
    './check': { ...file, file: './check' },
    '-V': { name: 'version' },
    '--version a.ini': { name: 'version' },
    'a.ini -V': { name: 'version' },
  }
  for (const [line, command] of Object.entries(accepted)) {
    it(`takes ${line}`, () => assert.deepEqual(parse(line), command))
  }

  it('shows every command and switch in the help', () => {
    for (const line of ['-h', '--help', '-d --help', 'a.ini -h']) {
      const help = parseArguments(line.split(' '))
      assert.ok(help.name === 'help', line)
      for (const part of ['FILE.ini', 'start', '--daemon', '--verbose', '--quiet', '--user', '--version', '--help']) {
        assert.ok(help.text.includes(part), part)
      }
    }
  })

  it('shows every setting in the help, and only there', () => {
    const help = parseArguments(['--help'])
    assert.ok(help.name === 'help')
    for (const name of Object.keys(settings.pgbouncer)) assert.ok(help.text.includes(`\n  ${name} `), name)
    assert.ok(help.text.includes('\n  listen_port = 6432   '))
    for (const command of ['start', 'check']) {
      const own = parseArguments([command, '--help'])
      assert.ok(own.name === 'help' && !own.text.includes('listen_port'), command)
    }
  })

  it('shows the switches of start in its own help', () => {
    const help = parseArguments(['start', '--help'])
    assert.ok(help.name === 'help')
    for (const part of ['--port', '6432', '--http', '6433', '--data', '--trace'])
      assert.ok(help.text.includes(part), part)
  })

  it('shows the lab with its experiments, and nothing of the processes that it starts', () => {
    const [all, own] = [parseArguments(['--help']), parseArguments(['lab', '--help'])]
    assert.ok(all.name === 'help' && own.name === 'help')
    assert.deepEqual([/\n  lab \[options\]/.test(all.text), all.text.includes('lab-child')], [true, false])
    for (const part of ['--url', '--yes', '--quick', '--only', 'hello, ', '--cores', '--out']) {
      assert.ok(own.text.includes(part), part)
    }
  })

  const refused: Record<string, string> = {
    '': 'no configuration file specified',
    '-d': 'no configuration file specified',
    'a.ini b.ini': 'one configuration file expected, 2 given: a.ini b.ini',
    'a.ini start': 'one configuration file expected, 2 given: a.ini start',
    '--deamon a.ini': "unknown option '--deamon'\n(Did you mean --daemon?)",
    '-x a.ini': "unknown option '-x'",
    '-u': "option '-u, --user <NAME>' argument missing",
    '-d start': '--daemon belongs to taxirank FILE.ini, not to taxirank start',
    check: "missing required argument 'FILE.ini'",
    'check a.ini b.ini': "too many arguments for 'check'. Expected 1 argument but got 2.",
    '-d check a.ini': '--daemon belongs to taxirank FILE.ini, not to taxirank check',
    'start --data=': "option '--data <DIR>' argument '' is invalid. Allowed: a path.",
    'start a.ini': "too many arguments for 'start'. Expected 0 arguments but got 1.",
    'start -d': "unknown option '-d'",
    'start --port 0': "option '--port <N>' argument '0' is invalid. Allowed: 1 to 65,535.",
    'start --http 65536': "option '--http <N>' argument '65536' is invalid. Allowed: 1 to 65,535.",
    'lab --only hello,now': `option '--only <NAMES>' argument 'hello,now' is invalid. There is no "now". Allowed: ${lab.only.join(', ')}.`,
    'lab --url db': "option '--url <URL>' argument 'db' is invalid. Allowed: a URL that begins with postgres://.",
    '-q lab': '--quiet belongs to taxirank FILE.ini, not to taxirank lab',
    'start --port 64x': "option '--port <N>' argument '64x' is invalid. Allowed: 1 to 65,535.",
  }
  for (const [line, problem] of Object.entries(refused)) {
    it(`refuses ${line === '' ? 'nothing' : line}`, () => {
      assert.equal(refusal(line), `${problem}\nTry "taxirank --help" for more information.`)
    })
  }

  it('refuses -R and says what to do instead', () => {
    assert.match(refusal('-R a.ini'), /^-R is not supported; do a rolling restart instead: .*\nTry /)
    assert.match(refusal('--reboot -d a.ini'), /rolling restart/)
  })
})
