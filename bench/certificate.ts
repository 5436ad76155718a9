/** The certificate of the TLS rows, made anew for each benchmark. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeCertificate } from '../src/embedded/certificate.ts'

export const certificateFile = 'bench.crt'
export const keyFile = 'bench.key'

/** Writes both files into `dir`. The key opens nothing: it lives as long as the benchmark, and anybody may read it. */
export function writeCertificate(dir: string): void {
  const { certificate, key } = makeCertificate()
  writeFileSync(join(dir, certificateFile), certificate, { mode: 0o644 })
  writeFileSync(join(dir, keyFile), key, { mode: 0o644 })
}
