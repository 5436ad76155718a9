/** Kills what we have started when we die without a chance to do it ourselves (SIGKILL, out of memory). */

import { spawn } from 'node:child_process'

/** Told who was started and who ended, on a pipe. The pipe ends with us, however that happens; then it kills the rest. */
const script = `
pids=' '
while read -r what pid; do
  case $what in
    started) pids="$pids$pid " ;;
    ended) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -s KILL "$pid"; done
`

export class Guard {
  readonly #shell = spawn('sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })

  /** Resolves when the guard can know: from then on the process does not outlive us. */
  started(pid: number): Promise<void> {
    return new Promise((resolve) => this.#shell.stdin.write(`started ${pid}\n`, () => resolve()))
  }

  ended(pid: number): void {
    this.#shell.stdin.write(`ended ${pid}\n`)
  }

  /** Who has not ended by now is killed. */
  close(): void {
    this.#shell.stdin.end()
  }
}
