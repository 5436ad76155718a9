import type { Command } from './command.ts'

/** A notice that lists the commands; `commands` is asked when it is run, since this is one of them. */
export function showHelp(name: string, commands: () => readonly Command[]): Command {
  return {
    name,
    role: 'stats',
    run: () => ({ tag: 'SHOW', notice: { text: 'Console usage', detail: usage(commands()) } }),
  }
}

function usage(commands: readonly Command[]): string {
  const shows = commands.filter(({ name }) => name.startsWith('SHOW ')).map(({ name }) => name.slice(5))
  const lines = [`SHOW ${shows.join('|')}`, 'SET key = arg', ...commands.filter(isVerb).map(usageOf)]
  return `\n${lines.map((line) => `\t${line}`).join('\n')}`
}

function isVerb({ name }: Command): boolean {
  return !name.startsWith('SHOW')
}

function usageOf({ name, argument }: Command): string {
  if (!argument) return name
  return argument.isRequired ? `${name} ${argument.name}` : `${name} [${argument.name}]`
}
