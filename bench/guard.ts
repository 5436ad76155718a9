/** Kills what we have started when we die without a chance to do it ourselves (SIGKILL, out of memory). */

/** Told on a pipe who was started and who ended. The pipe ends with us, however that happens: it kills the rest then. */
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
  /** Bun's own spawn, since its `flush` writes at once; node's streams write later, which may be too late. */
  readonly #shell = Bun.spawn(['sh', '-c', script], {
    detached: true,
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  })

  started(pid: number): void {
    this.#tell(`started ${pid}\n`)
  }

  ended(pid: number): void {
    this.#tell(`ended ${pid}\n`)
  }

  /** Who has not ended by now is killed. */
  async close(): Promise<void> {
    await this.#shell.stdin.end()
    await this.#shell.exited
  }

  #tell(line: string): void {
    void this.#shell.stdin.write(line)
    void this.#shell.stdin.flush()
  }
}
