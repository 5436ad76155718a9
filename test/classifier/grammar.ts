/**
 * Statements from a grammar. A rule is a text with places: `<name>` is one of the alternatives of that name, `#` a number of its own, so that
 * names don't meet. Then the text is disguised: cases, blanks, comments, what ORMs append.
 */

import type { Random } from '../../src/random.ts'
import { ordinaryRules, oddRules, places } from './rules.ts'
import type { Statement } from './oracle.ts'

export function* generate(random: Random): Generator<Statement> {
  for (let number = 1; ; number++) {
    const isOdd = random.chance(0.6)
    const rule = random.pick(isOdd ? oddRules : ordinaryRules)
    const plain = expand(rule, random, number)
    const text = isOdd ? several(disguise(plain, random), random, number) : signed(plain, random)
    const circumstance = random.chance(0.15) ? 'loaded' : isOdd && random.chance(0.08) ? 'backslashes' : 'plain'
    yield { text, origin: isOdd ? 'odd' : 'ordinary', circumstance }
  }
}

function expand(rule: string, random: Random, number: number): string {
  let text = rule
  while (/<\w+>/.test(text)) {
    text = text.replaceAll(/<(\w+)>/g, (_all, name: string) => random.pick(places[name] ?? missing(name)))
  }
  return text.replaceAll('#', String(number))
}

function missing(name: string): never {
  throw new Error(`no rule has the name ${name}`)
}

/** Now and then more than one statement, in a transaction of its own or none. */
function several(text: string, random: Random, number: number): string {
  if (random.chance(0.75)) return text
  const other = disguise(expand(random.pick([...oddRules, ...ordinaryRules]), random, number + 1_000_000), random)
  return random.pick([
    `${text}; ${other}`,
    `select 1;${text};`,
    `begin; ${text}; commit`,
    `BEGIN; ${text}; ROLLBACK`,
    `begin; ${text}; savepoint a; ${other}; rollback to a; commit;`,
    `begin; savepoint a; ${text}; rollback to a; ${other}; commit`,
    `begin;${text}`,
    `${text};;${other};`,
  ])
}

/** As sqlcommenter and the like do it. */
function signed(text: string, random: Random): string {
  return random.pick([
    text,
    text,
    text,
    `${text};`,
    `${text} /*application='shop',controller='orders',traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/`,
    `/* app:orders#index */ ${text}`,
    `${text} -- request 17`,
  ])
}

const parts = /('(?:[^']|'')*'|"[^"]*"|(\$\w*\$)[^]*?\2)/

function disguise(text: string, random: Random): string {
  const pieces = text.split(parts).filter((_piece, index) => index % 3 !== 2)
  const way = random.integer(0, 7)
  const changed = pieces.map((piece, index) => (index % 2 === 1 ? piece : disguisePlain(piece, way, random)))
  const joined = changed.join('')
  return random.chance(0.15)
    ? random.pick([`${joined};`, `  \n${joined}`, `/* a */${joined}`, `-- b\n${joined}\n`, `;${joined}`])
    : joined
}

/** Nothing in it is quoted. */
function disguisePlain(text: string, way: number, random: Random): string {
  switch (way) {
    case 0:
      return text.toUpperCase()
    case 1:
      return text.replaceAll(/[a-z]/g, (letter) => (random.chance(0.4) ? letter.toUpperCase() : letter))
    case 2:
      return text.replaceAll(' ', () => random.pick([' ', '\n', '\t', '  ', '\r\n', '\f', '\v']))
    case 3:
      return text.replaceAll(' ', () =>
        random.pick([' ', '/**/', ' /* ; */ ', '/* /* x */ */', ' -- y\n', " /* it's */ "]),
      )
    case 4:
      return text.replaceAll(/([(),=])/g, (symbol) =>
        random.pick([symbol, ` ${symbol} `, `${symbol}/* z */`, ` ${symbol}`]),
      )
    default:
      return text
  }
}
