/** Reads out of one source file what the architecture test judges: its imports and its uses of the global `Bun`. */
import { parseSync } from 'oxc-parser'

export interface Import {
  /** Undefined when it is computed at run time. */
  readonly specifier: string | undefined
  /** Gone before the program runs: `import type`, `export type … from`, `import('…').Name` in a type. */
  readonly isTypesOnly: boolean
  /** The names taken from the module; undefined when all of them are. */
  readonly names: readonly string[] | undefined
  readonly line: number
}

export interface BunUse {
  /** `listen` for `Bun.listen`, `typeof` for `typeof Bun`; undefined when the object itself is taken. */
  readonly member: string | undefined
  readonly line: number
}

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string
  readonly imports: readonly Import[]
  readonly bunUses: readonly BunUse[]
}

interface Node {
  readonly type: string
  readonly start: number
  readonly [field: string]: unknown
}

export function readSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const imports: Import[] = []
  const bunUses: BunUse[] = []
  const lineOf = (node: Node) => text.slice(0, node.start).split('\n').length
  walk(program, undefined, (node, parent) => {
    const found = readImport(node)
    if (found) imports.push({ ...found, line: lineOf(node) })
    if (isBun(node, parent)) bunUses.push(...membersOf(node, parent).map((member) => ({ member, line: lineOf(node) })))
  })
  return { path, imports, bunUses }
}

function walk(value: unknown, parent: Node | undefined, visit: (node: Node, parent: Node | undefined) => void): void {
  if (Array.isArray(value)) for (const one of value) walk(one, parent, visit)
  if (!isNode(value)) return
  visit(value, parent)
  for (const field of Object.values(value)) walk(field, value, visit)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function readImport(node: Node): Omit<Import, 'line'> | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return {
        specifier: stringOf(node['source']),
        isTypesOnly: node['importKind'] === 'type',
        names: importedNames(node, 'imported'),
      }
    case 'ExportNamedDeclaration':
      if (!isNode(node['source'])) return undefined
      return {
        specifier: stringOf(node['source']),
        isTypesOnly: node['exportKind'] === 'type',
        names: importedNames(node, 'local'),
      }
    case 'ExportAllDeclaration':
      return { specifier: stringOf(node['source']), isTypesOnly: node['exportKind'] === 'type', names: undefined }
    case 'TSImportType':
      return { specifier: stringOf(node['source']), isTypesOnly: true, names: undefined }
    case 'ImportExpression':
      return { specifier: stringOf(node['source']), isTypesOnly: false, names: undefined }
    case 'TSExternalModuleReference':
      return { specifier: stringOf(node['expression']), isTypesOnly: false, names: undefined }
    case 'CallExpression':
      if (!loadsModule(node['callee'])) return undefined
      return { specifier: stringOf((node['arguments'] as unknown[])[0]), isTypesOnly: false, names: undefined }
    default:
      return undefined
  }
}

/** Undefined for `* as all` and for a default import, which for `bun` is the whole object. */
function importedNames(node: Node, field: 'imported' | 'local'): string[] | undefined {
  const names = (node['specifiers'] as Node[]).map((specifier) => nameOf(specifier[field]))
  const isWhole = (node['specifiers'] as Node[]).some(
    ({ type }) => type === 'ImportNamespaceSpecifier' || type === 'ImportDefaultSpecifier',
  )
  return isWhole || names.includes('default') ? undefined : names.filter((name) => name !== undefined)
}

/** `require`, `require.resolve`, `import.meta.require`, `import.meta.resolve` and its relatives. */
function loadsModule(callee: unknown): boolean {
  if (!isNode(callee)) return false
  if (callee.type !== 'MemberExpression') return nameOf(callee) === 'require'
  const object = callee['object']
  if (!isNode(object)) return false
  if (object.type === 'MetaProperty') return ['require', 'resolve', 'resolveSync'].includes(memberName(callee) ?? '')
  return nameOf(object) === 'require' && memberName(callee) === 'resolve'
}

/** `Bun`, or any object's member of that name: `globalThis.Bun`, `globalThis['Bun']`. */
function isBun(node: Node, parent: Node | undefined): boolean {
  if (node.type === 'Identifier') return node['name'] === 'Bun'
  return parent?.type === 'MemberExpression' && parent['property'] === node && stringOf(node) === 'Bun'
}

/** What is taken from the object, seen from the node around it. */
function membersOf(bun: Node, parent: Node | undefined): (string | undefined)[] {
  if (!parent) return [undefined]
  if (parent.type === 'MemberExpression' && parent['object'] === bun) return [memberName(parent)]
  if (parent.type === 'TSQualifiedName' && parent['left'] === bun) return [nameOf(parent['right'])]
  if (parent.type === 'UnaryExpression' && parent['operator'] === 'typeof') return ['typeof']
  if (parent.type === 'VariableDeclarator' && isNode(parent['id']) && parent['id'].type === 'ObjectPattern') {
    return (parent['id']['properties'] as Node[]).map((property) => nameOf(property['key']))
  }
  return [undefined]
}

function memberName(member: Node): string | undefined {
  return member['computed'] === true ? stringOf(member['property']) : nameOf(member['property'])
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  return node.type === 'Identifier' ? String(node['name']) : stringOf(node)
}

/** The value of a string that is there in full. */
function stringOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value']
  if (node.type !== 'TemplateLiteral') return undefined
  const [first, second] = node['quasis'] as { value: { cooked: string } }[]
  return second ? undefined : first?.value.cooked
}
