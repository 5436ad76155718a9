import assert from 'node:assert/strict'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { ScramClientRole } from './scram-client-role.ts'
import { ScramKeys, type ScramSalt } from './scram-keys.ts'
import { authMessage, clientFinal, clientFinalWithoutProof } from './scram-messages.ts'
import { checkClaim, makeNonce, ScramServerRole } from './scram-server-role.ts'

function keysOf(password: string, salt: ScramSalt): ScramKeys {
  return ScramKeys.fromSaltedPassword(salt, pbkdf2Sync(password, salt.salt, salt.iterations, 32, 'sha256'))
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1')
const salt = { salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), iterations: 4_096 }
const keys = keysOf('pencil', salt)

describe('the example of RFC 7677', () => {
  const clientNonce = 'rOprNGfwEbeRWgbNEkqO'
  const nonce = `${clientNonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
  const first = `n=user,r=${clientNonce}`
  const challenge = `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
  const final = `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`
  const signature = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='

  it('comes out of the server role', () => {
    const role = new ScramServerRole(text(`n,,${first}`), salt, '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0')
    assert.equal(role.serverFirst.toString(), challenge)
    const proved = checkClaim(keys.verifier, role.readClientFinal(text(final)))
    assert.equal(proved?.serverFinal.toString(), signature)
  })

  it('comes out of the keys', () => {
    const withoutProof = clientFinalWithoutProof('n,,', nonce)
    const signed = authMessage(first, challenge, withoutProof)
    assert.equal(clientFinal(withoutProof, keys.proof(signed)), final)
    assert.ok(keys.isServerSignature(Buffer.from(signature.slice(2), 'base64'), signed))
  })
})

describe('both roles', () => {
  const meet = (clientKeys: ScramKeys, serverKeys = keys): { server: ScramServerRole; clientFinal: Buffer } => {
    const client = new ScramClientRole(makeNonce())
    const server = new ScramServerRole(client.clientFirst, serverKeys, makeNonce())
    return { server, clientFinal: client.readServerFirst(server.serverFirst).clientFinal(clientKeys) }
  }

  it('agree where the password is the same, and each knows the other', () => {
    const client = new ScramClientRole(makeNonce())
    const server = new ScramServerRole(client.clientFirst, keys, makeNonce())
    const challenge = client.readServerFirst(server.serverFirst)
    assert.deepEqual([challenge.salt, challenge.iterations], [salt.salt, salt.iterations])
    const proved = checkClaim(keys.verifier, server.readClientFinal(challenge.clientFinal(keys)))
    assert.ok(proved)
    challenge.verify(keys, proved.serverFinal)
    const signature = Buffer.from(proved.serverFinal.subarray(2).toString(), 'base64')
    for (const wrong of [randomBytes(32), signature.map((byte, index) => (index === 31 ? byte ^ 1 : byte))]) {
      assert.throws(() => challenge.verify(keys, text(`v=${Buffer.from(wrong).toString('base64')}`)), {
        message: 'the server does not know the password: its SCRAM signature is wrong',
      })
    }
    assert.throws(() => challenge.verify(keys, text('e=invalid-proof')), {
      code: 'authentication_failed',
      sqlState: '28P01',
      message: 'SCRAM error: invalid-proof',
    })
  })

  it('give the server the keys of the client, which log in elsewhere with the same salt', () => {
    const { server, clientFinal } = meet(keys)
    const recovered = checkClaim(keys.verifier, server.readClientFinal(clientFinal))?.keys
    assert.ok(recovered)
    assert.ok(recovered.fit(salt))
    const elsewhere = meet(recovered)
    assert.ok(checkClaim(keys.verifier, elsewhere.server.readClientFinal(elsewhere.clientFinal)))
    assert.ok(!recovered.fit({ ...salt, iterations: 4_097 }) && !recovered.fit({ ...salt, salt: Buffer.alloc(16) }))
  })

  it('do not agree where the password is another', () => {
    const { server, clientFinal } = meet(keysOf('Pencil', salt))
    assert.equal(checkClaim(keys.verifier, server.readClientFinal(clientFinal)), undefined)
  })

  it('do not agree on what was said in another exchange', () => {
    const [one, other] = [meet(keys), meet(keys)]
    assert.throws(() => one.server.readClientFinal(other.clientFinal), {
      code: 'protocol_violation',
      message: 'invalid SCRAM response: the nonce does not match',
    })
  })

  it('do not agree on a nonce of which the server has no part', () => {
    const server = new ScramServerRole(text('n,,n=,r=abc'), salt, 'xyz')
    for (const nonce of ['abc', 'abcxy', 'abcxyz!', 'xyz']) {
      const withoutProof = clientFinalWithoutProof('n,,', nonce)
      const proof = keys.proof(authMessage('n=,r=abc', server.serverFirst.toString(), withoutProof))
      assert.throws(() => server.readClientFinal(text(clientFinal(withoutProof, proof))), {
        message: 'invalid SCRAM response: the nonce does not match',
      })
    }
  })

  it('do not agree on a proof of which one bit is wrong', () => {
    const { server, clientFinal } = meet(keys)
    const { proof, authMessage } = server.readClientFinal(clientFinal)
    for (let bit = 0; bit < 256; bit++) {
      const wrong = Buffer.from(proof)
      wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.equal(checkClaim(keys.verifier, { proof: wrong, authMessage }), undefined)
    }
  })

  it('take a client that could bind to a channel at its word, if it keeps to it', () => {
    const refusal = { message: 'invalid SCRAM response: the channel binding does not match' }
    const finals = { 'n,,': 'biws', 'y,,': 'eSws' }
    for (const [header, channelBinding] of Object.entries(finals)) {
      const server = new ScramServerRole(text(`${header}n=,r=abc`), salt, 'xyz')
      const withoutProof = `c=${channelBinding},r=abcxyz`
      const signed = authMessage('n=,r=abc', server.serverFirst.toString(), withoutProof)
      const final = text(clientFinal(withoutProof, keys.proof(signed)))
      assert.ok(checkClaim(keys.verifier, server.readClientFinal(final)))
      for (const other of ['biws', 'eSws', '', 'cD10bHMtdW5pcXVlLCw=', 'biws=']) {
        if (other === channelBinding) continue
        const changed = text(final.toString().replace(channelBinding, other))
        assert.throws(() => server.readClientFinal(changed), refusal, `${header} ${other}`)
      }
    }
  })

  it('make another nonce each time', () => {
    const nonces = Array.from({ length: 100 }, () => makeNonce())
    assert.equal(new Set(nonces).size, 100)
    assert.ok(nonces.every((nonce) => /^[A-Za-z0-9+/]{24}$/.test(nonce)))
  })
})
