import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { silentLog } from '../log.ts'
import { locateDataDirectory, prepareDataDirectory } from './data-directory.ts'
import type { OsUser } from './os-user.ts'

const self: OsUser = { name: 'me', uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, isOther: false }
/** Programs that aren't there: whatever tries to run one fails. */
const programs = { binDir: '/nonexistent', version: '18.4' }

let folder: string
let dataDir: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taxirank-unit-'))
  dataDir = join(folder, 'data')
})

afterEach(() => rmSync(folder, { recursive: true }))

function prepare(user = self): Promise<boolean> {
  return prepareDataDirectory(dataDir, user, programs, {})
}

function fill(files: Record<string, string>): void {
  mkdirSync(join(dataDir, 'global'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dataDir, name), text)
}

function saying(...parts: string[]): (error: unknown) => boolean {
  return (error) =>
    error instanceof TaxirankError &&
    error.code === 'bad_configuration' &&
    parts.every((part) => error.message.includes(part))
}

describe('the place of a data directory', () => {
  const locate = (path: string): Promise<string> => locateDataDirectory(path, self, '/nonexistent', silentLog)

  it('is where it was asked for, its parents made', async () => {
    assert.equal(await locate(join(folder, 'a', 'b')), join(folder, 'a', 'b'))
    assert.deepEqual(readdirSync(join(folder, 'a')), [])
  })

  it('is where a symlink leads, even to nothing', async () => {
    symlinkSync('elsewhere', dataDir)
    assert.equal(await locate(dataDir), join(folder, 'elsewhere'))
  })
})

describe('a data directory that is there', () => {
  it('is left alone when it is whole and of this version', async () => {
    fill({ PG_VERSION: '18\n', 'global/pg_control': '' })
    assert.equal(await prepare(), false)
  })

  it('is refused when it belongs to another OS user', async () => {
    fill({ PG_VERSION: '18\n' })
    await assert.rejects(
      prepare({ ...self, name: 'her', uid: 4711 }),
      saying(dataDir, `uid ${self.uid}`, 'her (uid 4711)'),
    )
  })

  it("is refused when it holds something else, another version's data, or part of a cluster", async () => {
    fill({ notes: '' })
    await assert.rejects(prepare(), saying(dataDir, 'no PG_VERSION'))
    fill({ PG_VERSION: '17\n' })
    await assert.rejects(prepare(), saying(dataDir, 'PostgreSQL 17', 'PostgreSQL 18.4'))
    fill({ PG_VERSION: '18\n' })
    await assert.rejects(prepare(), saying(dataDir, 'no global/pg_control'))
  })

  it('is refused when it is a file', async () => {
    writeFileSync(dataDir, '')
    await assert.rejects(prepare(), saying(dataDir, "isn't a folder"))
  })
})

describe('a data directory that is made', () => {
  it('leaves nothing behind when initdb fails, and takes away what dead starts left', async () => {
    const left = `${dataDir}.initdb-${2 ** 30}-abcd`
    const making = `${dataDir}.initdb-${process.pid}-abcd`
    mkdirSync(join(left, 'base'), { recursive: true })
    mkdirSync(making)
    await assert.rejects(prepare(), saying('initdb failed'))
    assert.deepEqual(readdirSync(folder), [`data.initdb-${process.pid}-abcd`])
    assert.equal(existsSync(dataDir), false)
  })
})
