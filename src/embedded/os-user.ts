/**
 * Under which OS user PostgreSQL runs, and how programs are run as that user. PostgreSQL refuses to run as root, so root
 * lends it the user `postgres`, made when missing. Everybody else runs it as himself.
 *
 * Root never opens for writing, and never removes by name, what lies inside a folder of that user: a symlink planted
 * there would lead anywhere. Such work is done as the user.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { TaxirankError } from '../errors.ts'
import type { Log } from '../log.ts'

export interface OsUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  /** True when we are root and this is somebody else. */
  readonly isOther: boolean
}

interface Finished {
  /** The exit code; -1 when a signal ended it or it couldn't be started. */
  readonly code: number
  /** What it wrote on both outputs, trimmed. */
  readonly output: string
}

const lentUser = 'postgres'

/** The user that PostgreSQL runs as. Rejects with `bad_configuration` when root has none to lend and can't make one. */
export async function findOsUser(log: Log): Promise<OsUser> {
  const uid = process.getuid?.()
  const gid = process.getgid?.()
  if (uid === undefined || gid === undefined) {
    throw new TaxirankError('bad_configuration', `the embedded PostgreSQL doesn't run on ${process.platform}`)
  }
  const self: OsUser = { name: process.env['USER'] ?? String(uid), uid, gid, isOther: false }
  if (uid !== 0) return self
  return (await lookUp(self)) ?? createLentUser(self, log)
}

async function lookUp(root: OsUser): Promise<OsUser | undefined> {
  const [uid, gid] = await Promise.all([run(root, 'id', ['-u', lentUser]), run(root, 'id', ['-g', lentUser])])
  if (uid.code !== 0 || gid.code !== 0) return undefined
  return { name: lentUser, uid: Number(uid.output), gid: Number(gid.output), isOther: true }
}

async function createLentUser(root: OsUser, log: Log): Promise<OsUser> {
  await run(root, 'groupadd', ['--force', '--system', lentUser])
  const options = [
    '--system',
    '--gid',
    lentUser,
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
  ]
  const created = await run(root, 'useradd', [...options, lentUser])
  const user = await lookUp(root)
  if (!user) {
    throw new TaxirankError(
      'bad_configuration',
      `PostgreSQL doesn't run as root, and the OS user ${lentUser} couldn't be made for it (${created.output}): ` +
        `make that user by hand, or start as an ordinary user`,
    )
  }
  log.info(`PostgreSQL doesn't run as root: made the OS user ${lentUser} (uid ${user.uid}) for it`)
  return user
}

/**
 * Starts a program as the user, in a folder that everybody can enter and with an environment of a few words: what root's
 * shell carries is none of that user's business. `detached`: in a session and process group of its own.
 */
export function spawnAs(
  user: OsUser,
  command: string,
  args: readonly string[],
  options: { detached?: boolean; environment?: Record<string, string> } = {},
): ChildProcess {
  return spawn(command, [...args], {
    cwd: '/',
    env: { ...plainEnvironment(), ...options.environment },
    stdio: 'pipe',
    detached: options.detached ?? false,
    ...(user.isOther ? { uid: user.uid, gid: user.gid } : {}),
  })
}

/** Runs a program to its end. Rejects only with the signal's reason, after the program is gone. */
export async function run(
  user: OsUser,
  command: string,
  args: readonly string[],
  options: { input?: string; signal?: AbortSignal | undefined } = {},
): Promise<Finished> {
  options.signal?.throwIfAborted()
  const child = spawnAs(user, command, args)
  const abort = (): void => void child.kill('SIGTERM')
  options.signal?.addEventListener('abort', abort)
  const finished = await finish(child, options.input ?? '')
  options.signal?.removeEventListener('abort', abort)
  options.signal?.throwIfAborted()
  return finished
}

function finish(child: ChildProcess, input: string): Promise<Finished> {
  return new Promise((resolve) => {
    let output = ''
    const collect = (chunk: Buffer): void => void (output += chunk.toString())
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.on('error', (error) => resolve({ code: -1, output: error.message }))
    child.on('close', (code) => resolve({ code: code ?? -1, output: output.trim() }))
    // A program that ends without reading its input isn't an error of ours.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** Whether the user can work inside a folder; false also when there is no such folder. */
export async function canEnter(user: OsUser, folder: string): Promise<boolean> {
  return (await run(user, 'sh', ['-c', 'cd -- "$1"', 'sh', folder])).code === 0
}

function plainEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { LC_ALL: 'C' }
  for (const name of ['PATH', 'TZ', 'LD_LIBRARY_PATH']) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  return environment
}
