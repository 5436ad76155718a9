import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { configurationDocument, settingsHelp } from './describe-settings.ts'
import { settings } from './settings.ts'

describe('docs/configuration.md', () => {
  it('is what npm run docs makes of the table', () => {
    const written = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8')
    assert.ok(written === configurationDocument(), 'docs/configuration.md is not up to date: run npm run docs')
  })

  it('has a row of every setting', () => {
    const document = configurationDocument()
    for (const [section, rows] of Object.entries(settings)) {
      const from = document.indexOf(`\n## [${section}]`)
      const part = document.slice(from, document.indexOf('\n## ', from + 1))
      for (const name of Object.keys(rows)) assert.ok(part.includes(`\n| \`${name}\``), `${section}.${name}`)
    }
  })
})

describe('settingsHelp', () => {
  it('has a line of every setting of [pgbouncer], none too wide', () => {
    const lines = settingsHelp(100).split('\n')
    for (const name of Object.keys(settings.pgbouncer))
      assert.ok(
        lines.some((line) => line.startsWith(`  ${name} `)),
        name,
      )
    assert.deepEqual(
      lines.filter((line) => line.length > 100),
      [],
    )
  })
})
