/**
 * The rules of the house, as docs/architecture.md states them: which folders there are and who may import whom. Pure: the
 * document, the sources and the names of folders are handed in; what comes back is one sentence for each breach.
 */
import { posix } from 'node:path'
import type { BunUse, Import, SourceFile } from './imports.ts'

interface Permission {
  readonly everything: boolean
  readonly folders: ReadonlySet<string>
  readonly typesOnly: ReadonlySet<string>
  /** The cell as it is written, for messages. */
  readonly text: string
}

export interface Architecture {
  /** `errors.ts` and the others in src/ itself. */
  readonly rootFiles: ReadonlySet<string>
  /** Folders of src/ in the tree. */
  readonly tree: ReadonlySet<string>
  readonly table: ReadonlyMap<string, Permission>
}

/** These run on Node too. */
const bunFree = new Set(['metrics', 'engine', 'sizing', 'simulator', 'wire', 'sql', 'in-process', 'pg'])
const socketCalls = ['listen', 'connect']
const outsideSrc = ['bench', 'test']

export function readArchitecture(markdown: string): Architecture {
  const tree = section(markdown, 'The tree').split('\n')
  const rootLine = tree.find((line) => /^ {2}\S+\.ts /.test(line)) ?? ''
  return {
    rootFiles: new Set(rootLine.match(/\S+\.ts\b/g)),
    tree: new Set(tree.flatMap((line) => /^ {2}([\w-]+)\/ /.exec(line)?.[1] ?? [])),
    table: readTable(section(markdown, 'Who may import whom')),
  }
}

/** Where tree, table and the disk disagree. `entries` are the names of what is in src/. */
export function judgeFolders({ rootFiles, tree, table }: Architecture, entries: readonly string[]): string[] {
  const files = entries.filter((entry) => entry.endsWith('.ts'))
  const folders = entries.filter((entry) => !entry.includes('.'))
  const inTable = [...table.keys()].filter((name) => !outsideSrc.includes(name))
  return [
    ...folders
      .filter((name) => !tree.has(name))
      .map((name) => `src/${name}/ is not in the tree of docs/architecture.md`),
    ...folders
      .filter((name) => !table.has(name))
      .map((name) => `src/${name}/ is not in the table of docs/architecture.md`),
    ...[...tree].filter((name) => !table.has(name)).map((name) => `${name} is in the tree, but not in the table`),
    ...inTable.filter((name) => !tree.has(name)).map((name) => `${name} is in the table, but not in the tree`),
    ...files
      .filter((name) => !rootFiles.has(name.replace(/\.test\.ts$/, '.ts')))
      .map((name) => `src/${name} is not in the tree: src/ itself holds only ${[...rootFiles].join(', ')}`),
  ]
}

/** What a file does that the house forbids: file, line, import and rule. */
export function judgeSource(source: SourceFile, architecture: Architecture): string[] {
  const imports = source.imports.flatMap((one) => {
    const rule = judgeImport(source.path, one, architecture)
    const verb = one.isTypesOnly ? 'imports types from' : 'imports'
    return rule ? [`${source.path}:${one.line} ${verb} ${one.specifier ?? 'a computed path'}: ${rule}`] : []
  })
  const uses = source.bunUses.flatMap((use) => {
    const rule = judgeBunUse(source.path, use)
    return rule ? [`${source.path}:${use.line} uses ${nameOf(use)}: ${rule}`] : []
  })
  return [...imports, ...uses]
}

function nameOf({ member }: BunUse): string {
  if (member === 'typeof') return 'typeof Bun'
  return member === undefined ? 'Bun' : `Bun.${member}`
}

function section(markdown: string, title: string): string {
  const found = markdown.split(/^## /m).find((part) => part.startsWith(`${title}\n`))
  if (found === undefined) throw new Error(`docs/architecture.md has no section "${title}"`)
  return found
}

function readTable(text: string): Map<string, Permission> {
  const table = new Map<string, Permission>()
  for (const line of text.split('\n').filter((row) => row.startsWith('| `'))) {
    const [left = '', right = ''] = line.split('|').slice(1, -1)
    for (const name of readNames(left)) {
      if (table.has(name)) throw new Error(`docs/architecture.md: the table names ${name} twice`)
      table.set(name, readPermission(right.trim()))
    }
  }
  const unknown = [...table.values()].flatMap(({ folders, typesOnly }) => [...folders, ...typesOnly])
  const missing = unknown.find((name) => !table.has(name))
  if (missing)
    throw new Error(`docs/architecture.md: ${missing} may be imported, but has no row of its own in the table`)
  return table
}

function readPermission(text: string): Permission {
  const nothing = { everything: false, folders: new Set<string>(), typesOnly: new Set<string>(), text }
  if (text === '–') return { ...nothing, text: 'nothing' }
  if (text === 'everything') return { ...nothing, everything: true }
  const parts = text.split(',').map((part) => part.trim())
  const isTypes = (part: string) => part.endsWith(' (types)')
  return {
    ...nothing,
    folders: new Set(parts.filter((part) => !isTypes(part)).flatMap(readNames)),
    typesOnly: new Set(parts.filter(isTypes).flatMap((part) => readNames(part.replace(/ \(types\)$/, '')))),
    text: text.replaceAll('`', ''),
  }
}

function readNames(cell: string): string[] {
  return cell.split(',').map((part) => {
    const name = /^`([\w-]+)`$/.exec(part.trim())?.[1]
    if (name === undefined) throw new Error(`docs/architecture.md: the table's "${part.trim()}" cannot be read`)
    return name
  })
}

/** The rule that an import breaks, if it does. */
function judgeImport(path: string, one: Import, architecture: Architecture): string | undefined {
  const { specifier } = one
  const permission = architecture.table.get(folderOf(path))
  if (specifier === undefined) {
    return permission?.everything ? undefined : 'an import that cannot be checked is forbidden: write the path out'
  }
  if (/^([/#]|file:)/.test(specifier)) return 'files of the repository are imported by relative paths'
  if (!specifier.startsWith('.')) return judgePackage(path, one)
  const target = posix.join(posix.dirname(path), specifier)
  if (target.startsWith('../')) return 'it leaves the repository'
  return judgeFile(path, target, one, architecture)
}

function judgePackage(path: string, { specifier = '', isTypesOnly, names }: Import): string | undefined {
  if (/^taxirank(\/|$)/.test(specifier)) return 'files of the repository are imported by relative paths'
  if (isRoot(path) && !isTest(path)) return 'what everybody imports imports nothing but its like'
  if (specifier !== 'bun' && !specifier.startsWith('bun:')) return undefined
  if (isBunFree(path)) return bunFreeRule(path)
  if (specifier !== 'bun' || isTypesOnly || maySocket(path)) return undefined
  return names === undefined || names.some((name) => socketCalls.includes(name)) ? socketRule : undefined
}

function judgeFile(path: string, target: string, one: Import, architecture: Architecture): string | undefined {
  const from = folderOf(path)
  const to = folderOf(target)
  if (path.startsWith('test/checker/')) {
    return target.startsWith('test/checker/') ? undefined : 'the checker shares no code with what it checks'
  }
  if (isRoot(target)) {
    return architecture.rootFiles.has(posix.basename(target))
      ? undefined
      : 'it is not in the tree of docs/architecture.md'
  }
  if (outsideSrc.includes(from)) return undefined
  if (from === to && target.startsWith('src/')) return undefined
  if (isTest(path) && target.startsWith('test/support/')) return undefined
  if (!target.startsWith('src/')) return judgeOutside(from, target, architecture)
  if (isRoot(path)) return 'what everybody imports imports nothing but its like'
  return judgeByTable(from, to, one.isTypesOnly, architecture)
}

/** From src to a file outside it. */
function judgeOutside(from: string, target: string, { table }: Architecture): string | undefined {
  const mayReadPackage = table.get(from)?.everything === true
  return mayReadPackage && target === 'package.json' ? undefined : 'src imports nothing outside src'
}

function judgeByTable(from: string, to: string, isTypesOnly: boolean, { table }: Architecture): string | undefined {
  const permission = table.get(from)
  if (!permission) return `${from} has no row in the table of docs/architecture.md`
  if (permission.everything || permission.folders.has(to)) return undefined
  if (permission.typesOnly.has(to)) {
    return isTypesOnly ? undefined : `${from} may import only types of ${to}: write "import type"`
  }
  return `${from} may import ${permission.text}, not ${to}`
}

const socketRule = 'only src/net calls Bun.listen and Bun.connect, so write Bun.name and no other name for Bun'

function judgeBunUse(path: string, { member }: BunUse): string | undefined {
  if (isBunFree(path)) return bunFreeRule(path)
  if (maySocket(path)) return undefined
  return member === undefined || socketCalls.includes(member) ? socketRule : undefined
}

function bunFreeRule(path: string): string {
  return `${isRoot(path) ? path : folderOf(path)} runs on Node too and knows no Bun`
}

function isBunFree(path: string): boolean {
  return path.startsWith('src/') && (isRoot(path) || bunFree.has(folderOf(path)))
}

function maySocket(path: string): boolean {
  return !path.startsWith('src/') || folderOf(path) === 'net'
}

/** In src/ itself. */
function isRoot(path: string): boolean {
  return posix.dirname(path) === 'src'
}

function isTest(path: string): boolean {
  return path.endsWith('.test.ts')
}

/** `engine` of src/engine/pool.ts, `test` of test/support/imports.ts; of src/time.ts nothing. */
function folderOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  if (first !== 'src') return first
  return isRoot(path) ? '' : second
}
