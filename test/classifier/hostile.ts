/** Texts that nobody sends who means well: cut off anywhere, made of scraps, or long and alike. No PostgreSQL has to understand them. */

import { Random } from '../../src/random.ts'
import { readCorpus } from './corpus.ts'
import { generate } from './grammar.ts'
import { handMade } from './hand-made.ts'

/** All beginnings of the corpus, of the hand-made list and of some generated ones. */
export function* prefixes(seed: number): Generator<string> {
  const texts = [...readCorpus(), ...handMade(), ...generate(new Random(seed)).take(200)].map(({ text }) => text)
  for (const text of new Set(texts)) {
    for (let length = 0; length <= text.length; length++) yield text.slice(0, length)
  }
}

const keywords =
  'select insert update into temp temporary table explain analyze verbose prepare execute deallocate all set session local to schema search_path ' +
  'pg_temp pg_settings set_config set_limit setseed currval query_to_xml ts_stat crosstab pg_advisory_lock do call declare with hold create on commit ' +
  'drop begin end listen unlisten discard reset role load authorization a.b app.tenant x'
const symbols = `( ) , ; . = ' '' "" " \\ \\' e' E'\\ n' x' U&' U&" $ $$ $a$ $1 /* */ -- 1 1into 1e 1.5 0x1F \u00e9 \u0000`
const scraps = [...keywords.split(' '), ...symbols.split(' '), ...symbols.split(' '), ' ', ' ', '\n', '\t']

/** Scraps one behind the other; or a few of them, many times. */
export function* scrapTexts(seed: number, longest: number): Generator<string> {
  const random = new Random(seed)
  for (;;) {
    const length = random.chance(0.5) ? random.integer(0, 200) : random.integer(0, longest)
    const few = random.chance(0.3) ? Array.from({ length: random.integer(1, 4) }, () => random.pick(scraps)) : scraps
    const blank = random.pick(['', ' ', ' '])
    let text = random.pick(['', 'select ', 'explain ', '(', 'do ', 'set '])
    while (text.length < length) text += random.pick(few) + blank
    yield text
  }
}

const repeated = [
  'a',
  'a.',
  'a b.',
  'aA',
  '_',
  '1',
  '1.',
  '1e',
  'schema ',
  'schema pg_temp. ',
  'session ',
  'session_',
  'set ',
  'set session ',
  'load ',
  'pg_create_',
  '_replication_slot',
  '(',
  ')',
  'set_config(',
  'set_config(a,',
  'query_to_xml(',
  'explain ',
  'explain (',
  'explain analyze (',
  '$a$',
  '$a',
  '$',
  "'",
  "''",
  "\\'",
  '\\',
  "e'\\",
  "e'\\\\",
  "e'",
  "U&'",
  '"',
  '/*',
  '/* */',
  '--\n',
  '\n',
  ';',
  'set a=1;',
  'into ',
  'select 1 into temp x;',
  'on commit ',
  'deallocate a;',
  '\u00e9',
]
/** What comes first decides who reads the rest. */
const beginnings = [
  '',
  'select temp, ',
  'select ',
  'select temp, $$',
  "select temp, e'",
  'do $$',
  'set a = ',
  'explain ',
]

/** Each of that many bytes. */
export function* monotonousTexts(bytes: number): Generator<readonly [what: string, text: string]> {
  for (const beginning of beginnings) {
    for (const one of repeated) {
      const text = beginning + one.repeat(Math.ceil(bytes / one.length))
      yield [`${beginning}${one}…`, text.slice(0, bytes)]
    }
  }
}
