/** The command that starts this very program again, whether its sources run or it is one executable. */

/** What the runtime is given to run; a compiled executable has it inside, under a name that is no file, and takes none. */
function scriptOf([, script = '']: readonly string[]): string[] {
  return script.startsWith('/$bunfs/') ? [] : [script]
}

export function ownProgram(args: readonly string[]): { readonly command: string; readonly args: string[] } {
  return { command: process.execPath, args: [...process.execArgv, ...scriptOf(process.argv), ...args] }
}
