/**
 * `bun test/checker/main.ts [--unfinished] FILE`: checks a trace; FILE may be a named pipe, or `-` for standard input.
 * Exit code 0: no breach; 1: breaches; 2: it could not be read.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { Checker } from './checker.ts'
import { formatReport } from './report.ts'

const chunkBytes = 1 << 20
const retryMs = 1

function check(path: string, isUnfinished: boolean): number {
  const checker = new Checker({ isUnfinished })
  const fd = path === '-' ? 0 : openSync(path, 'r')
  const chunk = Buffer.alloc(chunkBytes)
  for (let length = read(fd, chunk); length > 0; length = read(fd, chunk)) checker.push(chunk.subarray(0, length))
  if (fd !== 0) closeSync(fd)
  const report = checker.finish()
  process.stdout.write(formatReport(report))
  return report.breaches === 0 ? 0 : 1
}

/** Waits where standard input is a pipe that does not block. */
function read(fd: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(fd, chunk)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Bun.sleepSync(retryMs)
    }
  }
}

function main(args: readonly string[]): number {
  const paths = args.filter((arg) => arg !== '--unfinished')
  const [path] = paths
  if (path === undefined || paths.length > 1 || (path.startsWith('-') && path !== '-')) {
    process.stderr.write('usage: bun test/checker/main.ts [--unfinished] FILE|-\n')
    return 2
  }
  try {
    return check(path, args.includes('--unfinished'))
  } catch (error) {
    process.stderr.write(`${path}: ${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
}

process.exitCode = main(process.argv.slice(2))
