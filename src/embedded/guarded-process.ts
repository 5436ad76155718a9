/**
 * A process that neither hears the terminal's Ctrl-C nor outlives us, however we end.
 *
 * It gets a session of its own, so signals to the terminal's foreground group pass it by. Before it starts, the shell
 * that becomes it leaves a watcher behind: a shell that reads from a pipe whose other end only we hold. The kernel closes
 * that end when we die, even of SIGKILL, and the watcher stops the process. The watcher is there first, so there
 * is no moment in which our death goes unnoticed.
 */

import type { ChildProcess } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { spawnAs, type OsUser } from './os-user.ts'

/**
 * `$1` is the log, the rest the command. The watcher is a child of a subshell that ends at once: PostgreSQL must not
 * inherit a child it didn't make. It asks for a fast shutdown (SIGINT), after 10 s for an immediate one (SIGQUIT).
 */
const launcher = `
umask 077
exec 3<&0 </dev/null
log=$1
shift
if test -f "$log"; then mv -f -- "$log" "$log.1"; fi
exec >"$log" 2>&1
end() {
  kill -s "$1" $$ 2>/dev/null || exit 0
  tries=0
  while test $tries -lt "$2"; do
    sleep 1
    kill -0 $$ 2>/dev/null || exit 0
    tries=$((tries + 1))
  done
}
watch() {
  read -r nothing
  end INT 10
  end QUIT 5
  end KILL 0
}
(watch <&3 3<&- &)
exec "$@" 3<&-
`

export class GuardedProcess {
  readonly pid: number
  /** Resolves when it is gone, with how it ended: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #isRunning = true

  constructor(child: ChildProcess, pid: number) {
    this.#child = child
    this.pid = pid
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.#isRunning = false
        child.stdin?.destroy()
        resolve(signal ?? `exit code ${code}`)
      })
    })
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Nothing happens to a process that has ended, whoever has its pid now. */
  send(signal: NodeJS.Signals): void {
    if (this.#isRunning) this.#child.kill(signal)
  }
}

/** Starts the command as the user. Both its outputs go to `logFile`, made anew; the log before it is kept as `.1`. */
export function spawnGuarded(
  user: OsUser,
  logFile: string,
  command: readonly string[],
  environment: Record<string, string> = {},
): Promise<GuardedProcess> {
  const args = ['-c', launcher, 'sh', logFile, ...command]
  const child = spawnAs(user, 'sh', args, { detached: true, environment })
  child.stdin?.on('error', () => undefined)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('spawn', () => {
      if (child.pid !== undefined) resolve(new GuardedProcess(child, child.pid))
    })
  })
}

/** The end of a log, at most `maxBytes`; empty when there is none. A symlink isn't followed: see os-user.ts. */
export function readLogTail(logFile: string, maxBytes: number): string {
  let fd: number
  try {
    fd = openSync(logFile, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return ''
  }
  try {
    const buffer = Buffer.alloc(maxBytes)
    const length = readSync(fd, buffer, 0, maxBytes, Math.max(0, fstatSync(fd).size - maxBytes))
    return buffer.toString('utf8', 0, length).trim()
  } finally {
    closeSync(fd)
  }
}
