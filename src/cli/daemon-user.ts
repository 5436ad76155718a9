/**
 * Becoming another OS user. It happens right after the configuration is parsed, as in PgBouncer, and before log,
 * pidfile, trace and sockets are opened: those then belong to that user, and nothing has to be handed over. So a port
 * below 1024 can't be listened on.
 */

import { spawnSync } from 'node:child_process'
import { TaxirankError } from '../errors.ts'

/** A user as the system knows it. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
}

/** What is asked of the operating system. */
export interface UserSystem {
  currentUid(): number
  /** Undefined: there is no such user. */
  find(name: string): SystemUser | undefined
  become(user: SystemUser): void
}

/**
 * Becomes the named user; nothing happens when this process already is. Throws `bad_configuration` when there is no
 * such user, when only root could switch, and when the process would run as root.
 */
export function becomeUser(name: string | undefined, system: UserSystem = operatingSystem): void {
  if (name !== undefined) switchTo(name, system)
  if (system.currentUid() !== 0) return
  throw new TaxirankError(
    'bad_configuration',
    'does not run as root: name the user to become with user = NAME in [pgbouncer], or with -u NAME',
  )
}

function switchTo(name: string, system: UserSystem): void {
  const user = system.find(name)
  if (user === undefined)
    throw new TaxirankError('bad_configuration', `cannot become user ${name}: there is no such user`)
  const uid = system.currentUid()
  if (uid === user.uid) return
  if (uid !== 0) {
    throw new TaxirankError('bad_configuration', `cannot become user ${name}: only root can, and this is uid ${uid}`)
  }
  system.become(user)
}

const operatingSystem: UserSystem = {
  currentUid: () => process.getuid?.() ?? -1,

  /** `id` asks every user database the system has, not only /etc/passwd. */
  find(name) {
    const uid = ask('-u', name)[0]
    const gid = ask('-g', name)[0]
    return uid === undefined || gid === undefined ? undefined : { uid, gid, groups: ask('-G', name) }
  },

  /** The order matters: without root's rights neither groups nor group can be changed. */
  become(user) {
    process.setgroups?.([...user.groups])
    process.setgid?.(user.gid)
    process.setuid?.(user.uid)
  },
}

function ask(question: '-u' | '-g' | '-G', name: string): readonly number[] {
  const answer = spawnSync('id', [question, '--', name], { encoding: 'utf8' })
  return answer.status === 0 ? answer.stdout.trim().split(' ').map(Number) : []
}
