/** Writes to stdout. Resolves with the exit code, when all of it is written. */
export function print(text: string, exitCode = 0): Promise<number> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve(exitCode)))
}
