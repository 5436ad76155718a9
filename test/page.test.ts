/** The live page in a real browser: its policy lets its own script and style work, and a name stays text. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { Log } from '../src/log.ts'
import { serveMonitor } from '../src/monitor/serve-monitor.ts'
import { quietly } from './support/browser.ts'
import { fakeSource, poolFigures } from './support/monitor-source.ts'
import { findProgram, needs } from './support/tools.ts'

const limitMs = 60_000

describe('the live page in Chromium', needs('chromium'), () => {
  const profile = mkdtempSync(join(tmpdir(), 'taxirank-chromium-'))
  after(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }))

  /** The document, once the page has had its time to fetch and show. */
  async function documentOf(url: string): Promise<string> {
    const args = [...quietly, `--user-data-dir=${profile}`, '--virtual-time-budget=5000', '--dump-dom', url]
    const options = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 10_000_000 } as const
    return (await promisify(execFile)(findProgram('chromium') as string, args, options)).stdout
  }

  it('shows the pools, and a hostile name as text', { timeout: limitMs }, async () => {
    const pools = [poolFigures(), poolFigures({ database: '<img src=x onerror=alert(1)>', user: 'a"b' })]
    const source = fakeSource(() => ({ pools }))
    const monitor = serveMonitor({ address: '127.0.0.1', port: 0, source, log: new Log(() => undefined) })
    try {
      const shown = await documentOf(monitor.url)
      assert.match(shown, /<span id="state" role="status" class="ready">ready<\/span>/)
      assert.match(shown, /<th scope="row">shop<small>app, transaction<\/small><\/th>/)
      assert.match(shown, /<th scope="row">&lt;img src=x onerror=alert\(1\)&gt;<small>a"b, transaction<\/small>/)
      assert.match(shown, /<p id="lost" role="alert" hidden="">/)
      assert.match(shown, /<td class="right">6 of 20<\/td>/)
    } finally {
      monitor.stop()
    }
  })
})
