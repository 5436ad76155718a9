/** Configurations from texts, for unit tests. */

import assert from 'node:assert/strict'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { TaxirankError } from '../../src/errors.ts'

/** A file's text, or texts by name, `main.ini` first. */
export type Files = Record<string, string> | string

/** Parses `main.ini`; other files by name. */
export function parseIni(files: Files): Config {
  return parseConfig('main.ini', reader(files))
}

/** Reads from texts. */
export function reader(files: Files): (path: string) => string {
  const all: Record<string, string> = typeof files === 'string' ? { 'main.ini': files } : files
  return (path) => {
    const text = Object.hasOwn(all, path) ? all[path] : undefined
    if (text === undefined) throw new Error('no such file')
    return text
  }
}

/** The message with which `main.ini` is refused. */
export function refusalOf(files: Files): string {
  try {
    parseIni(files)
  } catch (error) {
    assert.ok(error instanceof TaxirankError, String(error))
    assert.equal(error.code, 'bad_configuration')
    return error.message
  }
  throw new Error('accepted')
}
