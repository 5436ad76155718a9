import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TaxirankError } from '../errors.ts'
import { readClientFinal, readClientFirst, readServerFinal, readServerFirst } from './scram-messages.ts'

const key = Buffer.alloc(32, 5)
const keyText = key.toString('base64')
const nonce = (length: number): string => 'r'.repeat(length)

/** Each text with the message of its refusal. */
function refusals(read: (text: string) => unknown, texts: readonly string[]): [string, string][] {
  return texts.map((text) => {
    try {
      read(text)
    } catch (error) {
      if (!(error instanceof TaxirankError)) throw error
      return [text, `${error.sqlState} ${error.message.replace('malformed SCRAM message: ', '')}`]
    }
    return [text, 'is taken']
  })
}

function refuses(read: (text: string) => unknown, cases: Readonly<Record<string, readonly string[]>>): void {
  for (const [message, texts] of Object.entries(cases)) {
    assert.deepEqual(
      refusals(read, texts),
      texts.map((text) => [text, message]),
    )
  }
}

describe("the client's first message", () => {
  it('is read, with any user, and with extensions that need not be understood', () => {
    assert.deepEqual(readClientFirst('n,,n=,r=abc'), { gs2Header: 'n,,', bare: 'n=,r=abc', nonce: 'abc' })
    assert.deepEqual(readClientFirst('y,,n=us=2Cer,r=!~+-,x=,y=1'), {
      gs2Header: 'y,,',
      bare: 'n=us=2Cer,r=!~+-,x=,y=1',
      nonce: '!~+-',
    })
    assert.equal(readClientFirst(`n,,n=\xc3\xa9,r=${nonce(256)}`).nonce.length, 256)
  })

  it('is refused with a reason that says what to do, when it asks for what is not spoken here', () => {
    refuses(readClientFirst, {
      '0A000 channel binding is not supported: connect with channel_binding=disable or prefer': [
        'p=tls-server-end-point,,n=,r=abc',
        'p',
      ],
      '0A000 SCRAM authorization identities are not supported': ['n,a=admin,n=,r=abc', 'y,a=,n=,r=abc'],
      '0A000 mandatory SCRAM extensions are not supported': ['n,,m=x,n=,r=abc', 'n,,m='],
    })
  })

  it('is refused wherever it is malformed', () => {
    refuses(readClientFirst, {
      '08P01 unknown channel binding flag': ['', 'x,,n=,r=abc', ',,n=,r=abc', '\0', 'N,,n=,r=abc'],
      '08P01 the header must be n,, or y,,': ['n', 'n,', 'n,x,n=,r=abc', 'nn,,n=,r=abc', 'n ,,n=,r=abc', 'n,n=,r=abc'],
      '08P01 attribute expected': [
        'n,,',
        'n,,n',
        'n,,n=',
        'n,,n=,',
        'n,,n=,r=a,',
        'n,,n=,r=a,,',
        'n,,1=,r=a',
        'n,,n=,r=a,xx=1',
      ],
      '08P01 attribute n expected': ['n,,r=abc', 'n,,x=,n=,r=abc'],
      '08P01 attribute r expected': ['n,,n=,x=1,r=abc', 'n,,n=,n=,r=abc'],
      '08P01 the nonce must be printable, and not empty': [
        'n,,n=,r=',
        'n,,n=,r=a b',
        'n,,n=,r=a\x7f',
        'n,,n=,r=\xe9',
        'n,,n=,r=a\n',
      ],
      '08P01 the nonce is longer than 256 characters': [`n,,n=,r=${nonce(257)}`, `n,,n=,r=${nonce(65_000)}`],
      '08P01 it has a NUL in it': ['n,,n=,r=abc\0', 'n,,n=\0,r=abc'],
    })
  })
})

describe("the server's first message", () => {
  const read = (text: string): unknown => readServerFirst(text, 'own')

  it('is read', () => {
    const salt = Buffer.from('salt')
    assert.deepEqual(read('r=ownX,s=c2FsdA==,i=4096'), { nonce: 'ownX', salt, iterations: 4_096 })
    assert.deepEqual(read('r=own%,s=c2FsdA==,i=1'), { nonce: 'own%', salt, iterations: 1 })
    assert.deepEqual(read('r=ownX,s=c2FsdA==,i=600000'), { nonce: 'ownX', salt, iterations: 600_000 })
  })

  it('is refused when it asks for more rounds than any password is worth, such as 2^31', () => {
    refuses(read, {
      '08P01 2,147,483,648 iterations; allowed: 1 to 600,000': ['r=ownX,s=c2FsdA==,i=2147483648'],
      '08P01 600,001 iterations; allowed: 1 to 600,000': ['r=ownX,s=c2FsdA==,i=600001'],
      '08P01 no number of iterations; allowed: 1 to 600,000': [
        '0',
        '-1',
        '',
        '+1',
        '01',
        '1.0',
        '1e3',
        ' 1',
        '1 ',
        '9'.repeat(16),
      ].map((iterations) => `r=ownX,s=c2FsdA==,i=${iterations}`),
    })
  })

  it('is refused when its nonce is too long (CVE-2026-6665)', () => {
    refuses(read, {
      '08P01 the nonce is longer than 512 characters': [513, 2_000, 65_000].map(
        (length) => `r=own${nonce(length - 3)},s=c2FsdA==,i=1`,
      ),
    })
    assert.deepEqual(refusals(read, [`r=own${nonce(509)},s=c2FsdA==,i=1`])[0]?.[1], 'is taken')
  })

  it('is refused wherever it is malformed', () => {
    refuses(read, {
      '08P01 the nonce does not go on from ours': [
        'r=own,s=c2FsdA==,i=1',
        'r=oXn,s=c2FsdA==,i=1',
        'r=ow,s=c2FsdA==,i=1',
        'r=OWNx,s=c2FsdA==,i=1',
      ],
      '08P01 the salt must be base64 of 1 to 1024 bytes': ['', 'c2FsdA', 'c2FsdA=', 'c2FsdB==', 'c2Fsd-==', ' c2FsdA==']
        .map((salt) => `r=ownX,s=${salt},i=1`)
        .concat(`r=ownX,s=${Buffer.alloc(1_025).toString('base64')},i=1`),
      '08P01 attribute r expected': ['s=c2FsdA==,i=1', 'e=other-error', 'x=1,r=ownX,s=c2FsdA==,i=1'],
      '08P01 attribute s expected': ['r=ownX,i=1', 'r=ownX,i=1,s=c2FsdA=='],
      '08P01 attribute i expected': ['r=ownX,s=c2FsdA==,x=1'],
      '08P01 attribute expected': ['', 'r', 'r=ownX', 'r=ownX,', 'r=ownX,s=c2FsdA=='],
      '08P01 bytes behind the iterations': ['r=ownX,s=c2FsdA==,i=1,', 'r=ownX,s=c2FsdA==,i=1,x=1'],
      '08P01 the nonce must be printable, and not empty': ['r=,s=c2FsdA==,i=1', 'r=own\x01,s=c2FsdA==,i=1'],
      '08P01 it has a NUL in it': ['r=ownX,s=c2FsdA==,i=1\0'],
      '0A000 mandatory SCRAM extensions are not supported': ['m=x,r=ownX,s=c2FsdA==,i=1'],
    })
  })
})

describe("the client's last message", () => {
  it('is read, with extensions, up to its proof', () => {
    const withoutProof = 'c=biws,r=abc,x=1,y='
    assert.deepEqual(readClientFinal(`${withoutProof},p=${keyText}`), {
      channelBinding: 'biws',
      nonce: 'abc',
      proof: key,
      withoutProof,
    })
    assert.equal(readClientFinal(`c=,r=abc,p=${keyText}`).withoutProof, 'c=,r=abc')
  })

  it('is refused wherever it is malformed', () => {
    const short = Buffer.alloc(31).toString('base64')
    const long = Buffer.alloc(33).toString('base64')
    refuses(readClientFinal, {
      '08P01 attribute c expected': [`r=abc,p=${keyText}`, `p=${keyText}`],
      '08P01 attribute r expected': [`c=biws,p=${keyText}`, `c=biws,x=1,r=abc,p=${keyText}`],
      '08P01 attribute expected': [
        '',
        'c',
        'c=biws',
        'c=biws,',
        'c=biws,r=abc',
        'c=biws,r=abc,',
        'c=biws,r=abc,x=1',
        `c=biws,r=abc,,p=${keyText}`,
      ],
      '08P01 bytes behind the proof': [`c=biws,r=abc,p=${keyText},`, `c=biws,r=abc,p=${keyText},x=1`],
      '08P01 the proof must be base64 of 32 bytes': [
        '',
        'x',
        keyText.slice(0, -1),
        `${keyText}=`,
        ` ${keyText}`,
        short,
        long,
      ].map((proof) => `c=biws,r=abc,p=${proof}`),
      '08P01 the nonce must be printable, and not empty': [`c=biws,r=,p=${keyText}`],
      '08P01 the nonce is longer than 512 characters': [`c=biws,r=${nonce(513)},p=${keyText}`],
      '08P01 it has a NUL in it': [`c=biws,r=abc,p=${keyText}\0`],
    })
  })
})

describe("the server's last message", () => {
  it('is read, as a signature or an error', () => {
    assert.deepEqual(readServerFinal(`v=${keyText}`), { name: 'verified', signature: key })
    assert.deepEqual(readServerFinal('e=invalid-proof'), { name: 'error', text: 'invalid-proof' })
  })

  it('may say what went wrong, but not at length, and nothing that is not printable', () => {
    assert.deepEqual(readServerFinal(`e=\x1b[2J\n\xff,x=1`), { name: 'error', text: '?[2J??' })
    assert.deepEqual(readServerFinal(`e=${'x'.repeat(60_000)}`), { name: 'error', text: 'x'.repeat(100) })
  })

  it('is refused wherever it is malformed', () => {
    refuses(readServerFinal, {
      '08P01 attribute v expected': [`p=${keyText}`, `x=1,v=${keyText}`],
      '08P01 attribute expected': ['', 'v', keyText],
      '08P01 the signature must be base64 of 32 bytes': ['v=', 'v=x', `v=${keyText}=`, 'v=c2FsdA=='],
      '08P01 bytes behind the signature': [`v=${keyText},`, `v=${keyText},x=1`],
      '08P01 it has a NUL in it': [`v=${keyText}\0`],
    })
  })
})
