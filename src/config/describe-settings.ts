/** The documents made from the table: docs/configuration.md, and the section of `--help`. */

import { loginOptions } from './changes.ts'
import { aliases, settings, themes } from './settings.ts'
import type { Row, Section } from './settings.ts'
import { unsupported } from './unsupported.ts'

type Rows = Readonly<Record<string, Row>>

const introduction = `# Configuration

<!-- Made by \`npm run docs\` from the table of settings in src/config/. Change it there. -->

Taxirank reads PgBouncer's \`pgbouncer.ini\` and \`userlist.txt\`: names, defaults, units and precedence are the same. A
setting that is unknown, or that this version does not carry out, is an error that names file and line; nothing is
repaired or ignored. \`taxirank check FILE.ini\` tells all that is wrong in a file, what is risky, and what does something
else than in PgBouncer. It starts nothing and changes nothing.

## The file

\`\`\`ini
; a comment: ; or # is the first character of the line
[pgbouncer]
listen_addr = 127.0.0.1
auth_type = scram-sha-256
auth_file = userlist.txt

[databases]
shop = host=10.0.0.5 dbname=shop_live pool_size=30
reports = host=10.0.0.6 user=reporter password='it''s plain' pool_mode=session
* = host=10.0.0.5

[users]
batch = query_timeout=600 pool_size=2

%include more.ini
\`\`\`

* Sections may stand in any order and be opened again; \`[pgbouncer]\` must be there, and when it is opened again all of its
  settings begin at their defaults. The last of several values of one name counts.
* A value is the rest of its line without the blanks around it; it is not quoted. A name that has other characters than
  letters, digits and \`_ . - *\` stands in single or double quotes, with the quote doubled inside.
* \`%include FILE\` goes on in that file, up to 10 levels deep and 1,000 files. It and every other file name is relative to
  the directory in which Taxirank was started.
* Numbers of \`[pgbouncer]\` are written as in C: \`0x10\` is 16, and \`010\` is 8. Times are in seconds and may have
  fractions, unless the table says whole seconds or milliseconds.
* The values of \`[databases]\` and \`[users]\` are \`name=value\` pairs separated by blanks; a value may stand in single
  quotes, with \`''\` for a quote. An empty value is refused: leave the option out. Numbers are decimal, times whole seconds.
* Which value counts: that of the user, else that of the database, else that of \`[pgbouncer]\`. Where a database has
  \`user=\`, the pool is that user's, whoever the client is, and so it is that user's entry in \`[users]\` that counts for it.

## The userlist

\`auth_file\` names a file of lines \`"name" "secret"\`, with \`""\` for a quote; what follows on the line is ignored, and so are
lines that begin with \`;\`. A secret is a plain password, \`md5\` with 32 hexadecimal digits, or
\`SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey\` with 1 to 600,000 iterations. An empty one never matches. A name has up
to 127 bytes, a secret up to 65,530. The file is read at start and at every reload. Nobody can log in to PostgreSQL with a
SCRAM secret, so \`auth_user\` and the forced user of a database need a plain one.

`

const databasesText = `An entry's name is the one that clients ask for; \`*\` stands for every name that has no entry. \`pgbouncer\` is the console.
Unset: what \`[pgbouncer]\` says.
`

const usersText = `An entry's name is a user's. Unset: what the database or \`[pgbouncer]\` says. A time-out here holds for this user alone.
`

const reloadText = `## Reload

A reload (SIGHUP, or \`RELOAD\` in the console) reads the file again. It is all or nothing: if anything is wrong, the error
names file and line, and everything stays as it was. What needs a restart keeps its value, and the log says so. When
${wrapped([...loginOptions].map(code).join(', '), 120, 0)}
changes, or the secret of a forced user, the servers of that database are closed as they
come free; sizes and times change without that.

`

/** The whole of docs/configuration.md. */
export function configurationDocument(): string {
  const pgbouncer = themes.map(({ title, rows }) => `### ${title}\n\n${table(rows)}`).join('\n')
  return (
    introduction +
    `## [pgbouncer]\n\nR: a change needs a restart.\n\n${pgbouncer}\n` +
    `## [databases]\n\n${databasesText}\n${table(settings.databases, 'databases')}\n` +
    `## [users]\n\n${usersText}\n${table(settings.users, 'users')}\n` +
    reloadText +
    differences()
  )
}

/** A line a setting of [pgbouncer], at most `width` wide where its name and default leave room, for the help. */
export function settingsHelp(width: number): string {
  return themes.map(({ title, rows }) => `${title}:\n${helpLines(rows, width)}`).join('\n\n')
}

function helpLines(rows: Rows, width: number): string {
  return Object.entries(rows)
    .map(([name, row]) => {
      const fallback = row.defaultText.length > 20 ? 'a query' : row.defaultText
      const left = `  ${name}${fallback === '' ? '' : ` = ${fallback}`}`.padEnd(40)
      return wrapped(`${left} ${row.about}`, width, 41)
    })
    .join('\n')
}

/** Breaks one line at blanks behind `indent`, and indents what follows. */
function wrapped(line: string, width: number, indent: number): string {
  if (line.length <= width) return line
  const blank = line.lastIndexOf(' ', width)
  if (blank <= indent) return line
  return `${line.slice(0, blank)}\n${wrapped(' '.repeat(indent) + line.slice(blank + 1), width, indent)}`
}

function table(rows: Rows, section: Section = 'pgbouncer'): string {
  const isGlobal = section === 'pgbouncer'
  const head = isGlobal
    ? '| name | default | allowed | R | |\n|---|---|---|---|---|\n'
    : '| name | allowed | |\n|---|---|---|\n'
  const lines = Object.entries(rows).map(([name, row]) => {
    const sentences = differing(row)
    const differs = sentences === '' ? '' : ` *Not as in PgBouncer: ${sentences}*`
    const other = [...aliases[section]].filter(([, meant]) => meant === name).map(([alias]) => `, \`${alias}\``)
    const fallback = isGlobal ? ` ${code(row.defaultText)} |` : ''
    const fixed = isGlobal ? ` ${row.restartOnly ? 'R' : ''} |` : ''
    const own = isGlobal || row.defaultText === '' ? '' : ` Default: ${code(row.defaultText)}.`
    return `| \`${name}\`${other.join('')} |${fallback} ${cell(row.range)} |${fixed} ${cell(row.about + own + differs)} |\n`
  })
  return head + lines.join('')
}

function differing(row: Row): string {
  return [row.differs, row.narrower].filter((sentence) => sentence !== undefined).join(' ')
}

function differences(): string {
  const rows: [string, Row][] = Object.entries(settings.pgbouncer)
  const lines = rows.flatMap(([name, row]) => (differing(row) === '' ? [] : [`* \`${name}\`: ${differing(row)}\n`]))
  const refused = Array.from(unsupported.pgbouncer, ([name, off]) =>
    off.default === '' ? `\`${name}\` (empty)` : `\`${name}\` (${code(off.default)})`,
  )
  return (
    `## Where it differs from PgBouncer\n\n${lines.join('')}` +
    `* Not supported in this version, and refused unless they have the value that means off: ${refused.join(', ')}.\n` +
    '* `[peers]` is refused.\n' +
    '* `SET` of what needs a restart is refused; PgBouncer says that it did it.\n' +
    '* A reload is all or nothing; PgBouncer keeps what stands in front of a wrong line.\n' +
    '* A SCRAM secret that is damaged, or has too many iterations, is an error at its line; PgBouncer takes it for a ' +
    'password.\n' +
    '* A forced user or an `auth_user` with a SCRAM secret is an error at start; in PgBouncer its logins fail.\n' +
    "* A user's `client_idle_timeout` holds for that user alone; in PgBouncer it may end others' connections.\n"
  )
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** A bar would end the cell, and an angle bracket begin a tag. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
