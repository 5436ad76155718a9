/** Commands with switches: what is wrong with these is said with the usage, and ends in exit code 2. */

/** Of the switch `--name`. Throws with its range. */
export function wholeNumber(name: string, text: string | undefined, least: number, most: number): number {
  const value = Number(text)
  if (text !== undefined && Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`--${name} must be a whole number from ${least} to ${most}, got ${text ?? 'nothing'}`)
}

export interface Command<O> {
  readonly usage: string
  /** Throws if they are wrong. */
  readonly readOptions: (args: readonly string[]) => O
  /** Gives the exit code. `args`: as they were given. */
  readonly run: (options: O, args: readonly string[]) => number | Promise<number>
}

/** Ends the process. */
export async function runCommand<O>({ usage, readOptions, run }: Command<O>): Promise<never> {
  const args = process.argv.slice(2)
  let options: O
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    console.error(usage)
    process.exit(2)
  }
  process.exit(await run(options, args))
}
