import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findProgram, needs } from '../../test/support/tools.ts'
import { notifySystemd } from './notify-systemd.ts'

const python = findProgram('python3') ?? ''

/** Hears one datagram. */
const hear = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1) if sys.argv[1][0] == '@' else sys.argv[1])
print('ready', flush=True)
print(s.recv(100).decode(), flush=True)
`

describe('notifySystemd', () => {
  for (const kind of ['path', 'abstract']) {
    it(`sends a datagram to a socket with a name that is a ${kind}`, needs('python3'), async () => {
      const folder = mkdtempSync(join(tmpdir(), 'taxirank-notify-'))
      const address = kind === 'path' ? join(folder, 'notify') : `@taxirank-test-${process.pid}`
      const child = spawn(python, ['-c', hear, address], { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
      await once(child.stdout, 'data')
      assert.equal(notifySystemd('READY=1\nSTATUS=up', address), true)
      await once(child, 'close')
      rmSync(folder, { recursive: true })
      assert.equal(said, 'ready\nREADY=1\nSTATUS=up\n')
    })
  }

  it('says nothing where nobody wants to know, and does not mind who does not listen', () => {
    assert.equal(notifySystemd('READY=1', undefined), false)
    assert.equal(notifySystemd('READY=1', '/nonexistent/notify'), false)
    assert.equal(notifySystemd('READY=1', ''), false)
    assert.equal(notifySystemd('READY=1', '/'.padEnd(200, 'x')), false)
  })
})
