/** The 20 steps of every driver's script. What each must do is said here; how a driver does it stands in its script. */

export interface Step {
  readonly number: number
  readonly name: string
  readonly mustHold: string
}

export const steps: readonly Step[] = [
  ['connect', 'by trust, by SCRAM on both sides (a wrong password is refused), by TLS with the certificate verified'],
  ['simple query', 'the rows and their values are right'],
  ['parameters', 'an int, a text with quotes and a NULL come back as they went'],
  ['named statement', 'prepared once by name, it runs on at least two servers: others hold the first one meanwhile'],
  ['error in a pipeline', 'what was sent before it succeeds, it fails alone, the connection goes on'],
  ['transaction', 'ROLLBACK leaves nothing, COMMIT everything'],
  ['savepoint', 'an error behind it costs only what came behind it'],
  ['COPY', 'a thousand rows in and out again'],
  ['cancel', 'the driver’s own way ends pg_sleep with 57014; the connection goes on'],
  ['time-out', 'the driver’s own, or statement_timeout, ends pg_sleep; the connection goes on'],
  ['big row', '8 MB as a parameter and as a result'],
  ['NUL and Unicode', 'bytes with zeros and any script come back; U+0000 in a text is refused; the connection goes on'],
  ['NOTICE', 'the application hears it'],
  ['LISTEN', 'a notification of another connection arrives'],
  ['cursor', 'a thousand rows, a hundred at a time'],
  ['server restart', 'the old connection goes on or fails, without hanging; a new one works'],
  ['fifty at once', 'fifty connections, each gets its own answers'],
  ['close', 'afterwards no client is left, and no server busy'],
  [
    'migration',
    'DDL in a transaction, under an advisory lock where the tool takes one; the second run finds nothing to do',
  ],
  [
    'settings at connect',
    'what driver or application set at connect is in force in every later transaction, on every server',
  ],
].map(([name, mustHold], index) => ({ number: index + 1, name, mustHold }) as Step)
