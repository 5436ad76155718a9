/** Values of all sorts, as text and as bytes, and encodings. */

import * as raw from '../../support/raw-messages.ts'
import { q, x } from '../../support/step.ts'
import { bindAs, family, g } from '../transcript.ts'

const values = {
  numbers:
    "1::int2, 2::int4, 3::int8, 1.50::numeric, 1e100::numeric, 'NaN'::numeric, 0.1::float4, 'Infinity'::float8, 5::oid, 12.34::money",
  texts: "'a'::text, 'b'::varchar(3), 'c'::char(5), 'd'::name, 'e'::\"char\", ''::text, E'\\t\\n\\\\'::text",
  'bytes and bits': "'\\x00ff10'::bytea, ''::bytea, B'101'::bit(3), '11'::varbit",
  times:
    "date '2024-02-29', time '12:34:56.789', timetz '01:02:03+04', timestamp '2024-01-01 00:00:00.000001', timestamptz '2024-01-01 00:00 UTC', interval '1 year 2 days 03:04', 'infinity'::date, '4714-11-24 BC'::date",
  'truth, and what it is not': 'true, false, null::boolean',
  arrays: "'{1,null,3}'::int[], '{{1,2},{3,4}}'::int[], '{}'::text[], array['a b', 'c\"d', null], '[2:3]={7,8}'::int[]",
  JSON: '\'{"a": [1, null, "ä"]}\'::json, \'{"b":1,"a":2}\'::jsonb, jsonb_build_object(\'k\', 1.0), \'$.a[*]\'::jsonpath',
  'rows and types of its own': "row(1, 'a', null), (1, 'a')::pair, 'glad'::mood, 5::positive, array[(1, 'a')::pair]",
  ranges: "int4range(1, 5), '[2024-01-01,2024-02-01)'::daterange, 'empty'::numrange, '{[1,2),[5,6)}'::int4multirange",
  addresses: "'10.0.0.1/8'::inet, '10.0.0.0/8'::cidr, '08:00:2b:01:02:03'::macaddr, '::1'::inet",
  shapes:
    "point '(1,2)', '[(0,0),(1,1)]'::lseg, '((0,0),(1,1))'::box, '<(0,0),2>'::circle, '((0,0),(1,1),(1,0))'::polygon",
  'what else there is':
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '<a>b</a>'::xml is document, to_tsvector('simple', 'a b'), 'a & b'::tsquery, 'int4'::regtype, '1/2'::pg_lsn, '10:20:10'::pg_snapshot",
}

const asText = Object.fromEntries(
  Object.entries(values).map(([name, list]) => [name, [q(`select ${list}`), [x(`select ${list}`)] as const]]),
)
const asBytes = Object.fromEntries(
  Object.entries(values)
    .filter(([name]) => name !== 'what else there is')
    .map(([name, list]) => [
      `${name}, as bytes`,
      [g(raw.parse(`select ${list}`), bindAs({ results: [1] }), raw.describePortal(), raw.execute())],
    ]),
)

export const types = family('types and encodings', {
  ...asText,
  ...asBytes,
  'as bytes, which not all types can': [
    g(raw.parse("select 'plain=r/postgres'::aclitem"), bindAs({ results: [1] }), raw.execute()),
    q('select 1'),
  ],
  'values of all sizes': [
    q(
      "select n, repeat('x', n) from unnest(array[0, 1, 127, 128, 255, 256, 8191, 8192, 16383, 16384, 16385, 65535, 65536]) n",
    ),
  ],
  'bytes that look like messages': [
    q("select 'Z\\x0005I'::bytea, decode('5a0000000549', 'hex'), convert_from(decode('5a5a', 'hex'), 'utf8')"),
    g(raw.parse("select decode('5a00000005495a0000000549430000000d', 'hex')"), bindAs({ results: [1] }), raw.execute()),
  ],
  'zeros in values': [
    g(
      raw.parse('select $1::bytea, length($1::bytea)'),
      bindAs({ formats: [1], values: [Buffer.alloc(300)], results: [1] }),
      raw.execute(),
    ),
    g(raw.parse('select $1::text'), bindAs({ values: [Buffer.from('a\0b')] }), raw.execute()),
  ],
  'zeros in texts of queries': [[raw.message('Q', Buffer.from('select 1\0select 2\0'))], q('select 3')],
  'a thousand columns of nulls': [q(`select ${Array.from({ length: 1_000 }, () => 'null').join(', ')}`)],
  'characters of all lengths': [
    q("select 'aä€𝄞', length('aä€𝄞'), octet_length('aä€𝄞'), upper('äé'), 'ﬁ' as \"ﬁ\", E'\\U0001F600'"),
    [x('select $1, length($1)', 'aä€𝄞\u0301')],
  ],
  'another encoding': [
    q('set client_encoding = latin1'),
    [raw.message('Q', Buffer.from("select 'ä', length('ä')\0", 'latin1'))],
    q('reset client_encoding'),
    q("select 'ä'"),
  ],
  'another encoding that lacks a character': [
    q('set client_encoding = latin1'),
    q('select chr(8364)'),
    q("select 'a'"),
    q("set client_encoding = 'utf8'"),
    q('select chr(8364)'),
  ],
  'another encoding, by the extended protocol': [
    [x("set client_encoding = 'latin1'")],
    g(raw.parse('select $1::text, length($1)'), bindAs({ values: [Buffer.from('äß', 'latin1')] }), raw.execute()),
    [x('reset client_encoding')],
  ],
  'another encoding with more bytes a character': [
    q("set client_encoding = 'sjis'"),
    [raw.message('Q', Buffer.from([...Buffer.from("select '"), 0x83, 0x5c, ...Buffer.from("'\0")]))],
    q('reset client_encoding'),
    q("select 'ソ'"),
  ],
  'another encoding in a transaction that is rolled back': [
    q('begin'),
    q("set client_encoding = 'latin1'"),
    [raw.message('Q', Buffer.from("select 'é'\0", 'latin1'))],
    q('rollback'),
    q("select 'é'"),
  ],
  'an encoding for SQL_ASCII': [
    q("set client_encoding = 'sql_ascii'"),
    q("select 'ä'"),
    q("select convert_from('\\xff', 'latin1')"),
    q('reset client_encoding'),
  ],
  'errors and notices in another encoding': [
    q("set client_encoding = 'latin1'"),
    q('select complain(chr(228))'),
    q('select fail(chr(228))'),
    q('reset client_encoding'),
  ],
  'zones and styles of dates': [
    q("set time zone 'Asia/Kathmandu'"),
    q("select timestamptz '2024-06-01 12:00 UTC', timestamptz '1900-01-01 00:00 UTC'"),
    q("set datestyle = 'SQL, DMY'"),
    q("select timestamptz '2024-06-01 12:00 UTC', '01/02/2024'::date"),
    q("set time zone 'UTC'; set datestyle = 'ISO, MDY'"),
    q("select '01/02/2024'::date"),
  ],
})
