import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { LoadClient } from '../../bench/load/client.ts'
import { check, parameterClients, parametersOf } from '../../bench/load/parameters.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'

const all = Array.from({ length: parameterClients }, (_, client) => parametersOf(client))

describe('parametersOf', () => {
  it('gives every client a name, a zone and an encoding of its own', () => {
    for (const name of ['application_name', 'TimeZone', 'client_encoding']) {
      assert.equal(new Set(all.map((parameters) => parameters[name])).size, parameterClients, name)
    }
  })

  it('gives neighbours five different values', () => {
    for (const [client, parameters] of all.slice(1).entries()) {
      for (const [name, value] of Object.entries(parameters)) assert.notEqual(all[client]?.[name], value, name)
    }
  })
})

describe('check', () => {
  let database: TestPostgres
  before(async () => {
    database = await startTestPostgres()
  })
  after(() => database.remove())

  it('finds the values of every client, as PostgreSQL writes them', async () => {
    for (const parameters of all) {
      const client = await LoadClient.login(database.port, parameters)
      await check(client, parameters)
      client.destroy()
    }
  })

  it("tells the first value that is another's", async () => {
    for (const [name, value] of Object.entries(parametersOf(5))) {
      const client = await LoadClient.login(database.port, { ...parametersOf(4), [name]: value })
      const message = `22P02 invalid input syntax for type integer: "not its own: ${name} = ${value}"`
      await assert.rejects(check(client, parametersOf(4)), { message })
      client.destroy()
    }
  })
})
