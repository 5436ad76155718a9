/** Every driver and ORM that is tried: its script, what must be installed for it, and how to learn its version. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../support/tools.ts'
import type { Command } from './run-driver.ts'

export interface Driver {
  readonly name: string
  readonly command: Command
  /** Debian's packages that bring it. */
  readonly packages: readonly string[]
  /** Its version, which is to be had only where it is installed. */
  readonly version: Command
  /** Makes the command's program where there is something to compile; the folder is the run's own. */
  readonly compile?: (folder: string) => { readonly by: Command; readonly run: Command }
}

const here = import.meta.dirname
/** Debian's, for which Debian has the drivers; another python3 may come first in PATH. */
const python = '/usr/bin/python3'

interface NodeSettings {
  readonly script?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly runtime?: 'node' | 'bun'
}

function onNode(name: string, packageName: string, settings: NodeSettings = {}): Driver {
  const { script = packageName, environment = {}, runtime = 'node' } = settings
  const program = runtime === 'bun' ? process.execPath : runtime
  const printVersion = `
    const { createRequire } = require('node:module')
    const { readFileSync } = require('node:fs')
    const { join } = require('node:path')
    const paths = createRequire(process.argv[1]).resolve.paths('x').map((path) => join(path, '${packageName}', 'package.json'))
    const found = paths.find((path) => require('node:fs').existsSync(path))
    const runtime = process.versions.bun ? 'Bun ' + process.versions.bun : 'Node ' + process.versions.node
    console.log(JSON.parse(readFileSync(found, 'utf8')).version + ', ' + runtime)`
  const file = join(here, 'node', `${script}.mjs`)
  return {
    name,
    command: { program, args: [file], environment },
    packages: [],
    version: { program, args: ['-e', printVersion, file] },
  }
}

/** The program does the driving; the script only says what. */
function withPgbench(): Driver {
  const { command } = onNode('pgbench', 'pgbench')
  const printVersion = "pgbench --version | sed -n 's/^[^0-9]*\\([0-9.]*\\).*/\\1/p' | grep ."
  return {
    name: 'pgbench -M prepared',
    command,
    packages: ['postgresql'],
    version: { program: 'sh', args: ['-c', printVersion] },
  }
}

/** Its client is made from the schema. For that it wants to fetch an engine, which only its migrations use. */
function withPrisma(): Driver {
  const driver = onNode('Prisma', '@prisma/client', { script: 'prisma' })
  const generate = ['generate', '--schema', join(here, 'node/prisma/schema.prisma')]
  const by = {
    program: 'node',
    args: [join(here, 'node_modules/prisma/build/index.js'), ...generate],
    environment: { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  }
  return { ...driver, compile: () => ({ by, run: driver.command }) }
}

function inPython(
  name: string,
  script: string,
  packages: readonly string[],
  module: string,
  environment: Readonly<Record<string, string>> = {},
): Driver {
  return {
    name,
    command: { program: python, args: ['-B', join(here, 'python', script)], environment },
    packages,
    version: { program: python, args: ['-c', `import ${module} as m; print(m.__version__.split(' ')[0])`] },
  }
}

const jdbcArchive = '/usr/share/java/postgresql.jar'

function inJava(name: string, environment: Readonly<Record<string, string>> = {}): Driver {
  const run = (classes: string): Command => ({
    program: 'java',
    args: ['-cp', `${classes}:${jdbcArchive}`, 'Pgjdbc'],
    environment,
  })
  const printVersion = `unzip -p ${jdbcArchive} META-INF/MANIFEST.MF | sed -n 's/^Implementation-Version: //p' | tr -d '\\r' | grep . && javac -version >&2`
  return {
    name,
    command: run('.'),
    packages: ['libpostgresql-jdbc-java', 'default-jdk-headless', 'unzip'],
    version: { program: 'sh', args: ['-c', printVersion] },
    compile: (folder) => {
      const args = ['-encoding', 'UTF-8', '-d', folder, '-cp', jdbcArchive, join(here, 'java/Pgjdbc.java')]
      return { by: { program: 'javac', args }, run: run(folder) }
    },
  }
}

interface ScriptSettings {
  readonly program: string
  readonly file: string
  readonly packages: readonly string[]
  /** A program that prints it, in the same language. */
  readonly printVersion: string
  readonly environment?: Readonly<Record<string, string>>
}

function inScript(name: string, { program, file, packages, printVersion, environment = {} }: ScriptSettings): Driver {
  const inline = program.endsWith('php') ? '-r' : '-e'
  return {
    name,
    command: { program, args: [join(here, file)], environment },
    packages,
    version: { program, args: [inline, printVersion] },
  }
}

const perl = {
  program: '/usr/bin/perl',
  file: 'perl/dbd_pg.pl',
  packages: ['libdbd-pg-perl'],
  printVersion: 'use DBD::Pg; print $DBD::Pg::VERSION',
}
const ruby = {
  program: '/usr/bin/ruby',
  file: 'ruby/ruby_pg.rb',
  packages: ['ruby-pg'],
  printVersion: "require 'pg'; print PG::VERSION",
}
const php = {
  program: '/usr/bin/php',
  file: 'php/pdo_pgsql.php',
  packages: ['php-cli', 'php-pgsql'],
  printVersion: "in_array('pgsql', PDO::getAvailableDrivers()) || exit(1); echo phpversion('pdo_pgsql');",
}

/** Debian's packages of Go libraries are sources in one GOPATH. */
function inGo(name: string, library: string, environment: Readonly<Record<string, string>> = {}): Driver {
  const packageName = `golang-github-${library}-dev`
  const file = name.split(' ', 1)[0] === 'pgx' ? 'pgx' : 'pq'
  const run = (program: string): Command => ({ program, args: [], environment })
  const printVersion = `go version >&2 && dpkg-query --show --showformat='\${Version}' ${packageName}`
  return {
    name,
    command: run(file),
    packages: ['golang-go', packageName],
    version: { program: 'sh', args: ['-c', printVersion] },
    compile: (folder) => {
      const program = join(folder, `${file}-${Object.keys(environment).length}`)
      const sources = ['contract.go', 'checks.go', `${file}.go`].map((source) => join(here, 'go', source))
      const goPath = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' }
      return {
        by: { program: 'go', args: ['build', '-o', program, ...sources], environment: goPath },
        run: run(program),
      }
    },
  }
}

const unprepared = { DRIVER_PREPARE: 'false' }

export const drivers: readonly Driver[] = [
  withPgbench(),
  onNode('pg', 'pg'),
  onNode('pg on Bun', 'pg', { runtime: 'bun' }),
  onNode('postgres.js', 'postgres'),
  onNode('postgres.js unprepared', 'postgres', { environment: unprepared }),
  onNode('postgres.js on Bun', 'postgres', { runtime: 'bun' }),
  onNode('Drizzle', 'drizzle-orm', { script: 'drizzle' }),
  onNode('Kysely', 'kysely'),
  onNode('Knex', 'knex'),
  onNode('TypeORM', 'typeorm'),
  onNode('Sequelize', 'sequelize'),
  withPrisma(),
  inPython('psycopg2', 'with_psycopg2.py', ['python3-psycopg2'], 'psycopg2'),
  inPython('psycopg', 'with_psycopg.py', ['python3-psycopg'], 'psycopg'),
  inPython('asyncpg', 'with_asyncpg.py', ['python3-asyncpg'], 'asyncpg'),
  inPython('asyncpg uncached', 'with_asyncpg.py', ['python3-asyncpg'], 'asyncpg', unprepared),
  inPython('SQLAlchemy', 'with_sqlalchemy.py', ['python3-sqlalchemy', 'python3-psycopg2'], 'sqlalchemy'),
  inPython('Django', 'with_django.py', ['python3-django', 'python3-psycopg2'], 'django'),
  inJava('pgjdbc'),
  inJava('pgjdbc unprepared', unprepared),
  inGo('pq', 'lib-pq'),
  inGo('pgx', 'jackc-pgx-v4'),
  inGo('pgx unprepared', 'jackc-pgx-v4', unprepared),
  inScript('DBD::Pg', perl),
  inScript('DBD::Pg unprepared', { ...perl, environment: unprepared }),
  inScript('ruby-pg', ruby),
  inScript('PDO', php),
  inScript('PDO unprepared', { ...php, environment: unprepared }),
]

/** `13.2, Node 20` or the reason why there is none. */
export function findVersion({
  version,
  packages,
}: Driver): { readonly version: string } | { readonly missing: string } {
  const program = findProgram(version.program) ?? version.program
  if (existsSync(program)) {
    const { status, stdout } = spawnSync(program, version.args, { encoding: 'utf8', timeout: 60_000 })
    if (status === 0) return { version: stdout.trim() }
  }
  return {
    missing: packages.length > 0 ? `${packages.join(' and ')} not installed` : 'its npm package is not installed',
  }
}
