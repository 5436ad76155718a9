import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { TaxirankError } from '../errors.ts'

/** Tells whether a process lives. */
export type IsAlive = (pid: number) => boolean

/** The process whose id stands in the file; undefined: no file. 0: there is a file, but no process id in it. */
export function readPidfile(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^[1-9]\d*$/.test(text) ? Number(text) : 0
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw unusable(path, 'read', error)
  }
}

/** Removes a stale pidfile. Throws `bad_configuration` when it names another live process, or none at all. */
export function checkPidfile(path: string, isAlive: IsAlive = signalReaches): void {
  const pid = readPidfile(path)
  if (pid === undefined) return
  if (pid === 0) {
    throw new TaxirankError(
      'bad_configuration',
      `pidfile ${path} exists and holds no process id: remove it if nothing runs`,
    )
  }
  if (pid !== process.pid && isAlive(pid)) {
    throw new TaxirankError(
      'bad_configuration',
      `pidfile ${path} names process ${pid}, which is alive: stop it, or remove the file if it is not ours`,
    )
  }
  removeFile(path)
}

/** Writes this process's id into a new file. Throws `bad_configuration` when there is one already, or when it can't. */
export function writePidfile(path: string): void {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o644 })
  } catch (error) {
    throw unusable(path, 'write', error)
  }
}

/** Removes the file if it is still ours. Never throws: it runs when the process ends, and a stale file does no harm. */
export function removePidfile(path: string): void {
  if (!namesProcess(path, process.pid)) return
  try {
    removeFile(path)
  } catch {
    // The next start says what is wrong with it.
  }
}

/** Whether this process id stands in the file. Never throws. */
export function namesProcess(path: string, pid: number | undefined): boolean {
  try {
    return readPidfile(path) === pid
  } catch {
    return false
  }
}

function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw unusable(path, 'remove', error)
  }
}

/** A process of another user (EPERM) lives, too. */
function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
}

function unusable(path: string, verb: string, error: unknown): TaxirankError {
  const reason = error instanceof Error ? error.message : String(error)
  return new TaxirankError('bad_configuration', `cannot ${verb} pidfile ${path}: ${reason}`, { cause: error })
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
