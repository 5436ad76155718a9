/**
 * What the live page does in a browser: it fetches the snapshot every 2 s and shows its pools. Names come from clients,
 * so everything becomes text nodes and nothing is ever read as HTML. Rates are differences between two snapshots.
 */

import { utilisationToWarnAt } from '../sizing/utilisation.ts'

export const pageScript = `
'use strict'
const everyMs = 2000
const past = ${utilisationToWarnAt}
const byId = (id) => document.getElementById(id)
let before = null

function node(tag, className, ...children) {
  const made = document.createElement(tag)
  if (className) made.className = className
  made.append(...children)
  return made
}

const whole = (value) => Math.round(value).toLocaleString('en-US')

function duration(ms) {
  if (ms === 0) return '0'
  if (ms < 1) return ms.toFixed(2) + ' ms'
  if (ms < 1000) return ms.toPrecision(3) + ' ms'
  return ms < 120000 ? (ms / 1000).toFixed(1) + ' s' : Math.round(ms / 60000) + ' min'
}

function share(utilisation) {
  return utilisation === null ? '–' : (utilisation * 100).toFixed(utilisation < 0.1 ? 1 : 0) + ' %'
}

const cell = (text, className) => node('td', 'right' + (className ? ' ' + className : ''), text)
const count = (value) => cell(whole(value), value === 0 ? 'none' : '')
const alarm = (value, text) => cell(text, value > 0 ? 'past' : 'none')

function meter(utilisation) {
  const isPast = utilisation !== null && utilisation > past
  const bar = node('div', 'meter', node('i'))
  bar.style.setProperty('--share', Math.min(100, (utilisation ?? 0) * 100).toFixed(1) + '%')
  bar.setAttribute('aria-hidden', 'true')
  return node('td', isPast ? 'past' : '', node('div', 'use', bar, node('span', '', share(utilisation))))
}

function reasons(pool) {
  const { utilisation, engine } = pool
  const said = []
  if (utilisation !== null && utilisation > past) {
    said.push(share(utilisation) + ' of this pool is leased, over the last ' + duration(pool.utilisationOverMs) +
      '. Past 80 % waiting grows out of proportion: by Kingman\\u2019s formula without bound as utilisation nears 1. ' +
      'Shorten what holds a server, or enlarge the pool if PostgreSQL has room.')
  }
  if (engine.lastFailure !== undefined) said.push('No server could be opened: ' + engine.lastFailure)
  return said
}

function rates(pool, earlier, overMs) {
  if (earlier === undefined || overMs <= 0) return ['–', '–']
  const leases = pool.engine.counters.leases - earlier.engine.counters.leases
  const ended = pool.engine.holdMs.count - earlier.engine.holdMs.count
  const heldMs = pool.engine.holdMs.sumMs - earlier.engine.holdMs.sumMs
  if (leases < 0 || ended < 0) return ['–', '–']
  return [whole((leases * 1000) / overMs), ended === 0 ? '–' : duration(heldMs / ended)]
}

function rows(pool, earlier, overMs) {
  const { engine, clients } = pool
  const mode = engine.state === 'open' ? pool.mode : pool.mode + ', ' + engine.state
  const leased = engine.slots.leased + engine.slots.shared
  const name = node('th', '', pool.database, node('small', '', pool.user + ', ' + mode))
  name.setAttribute('scope', 'row')
  const [perSecond, hold] = rates(pool, earlier, overMs)
  const first = node('tr', '', name, meter(pool.utilisation), cell(whole(leased) + ' of ' + whole(engine.maxSize)),
    count(engine.slots.idle), alarm(clients.waiting, whole(clients.waiting)),
    alarm(pool.longestWaitMs, duration(pool.longestWaitMs)), count(clients.active), count(clients.idle),
    cell(perSecond), cell(hold))
  const said = reasons(pool)
  if (said.length === 0) return [first]
  const why = node('td', 'why past', ...said.map((sentence) => node('p', '', sentence)))
  why.setAttribute('colspan', '10')
  return [first, node('tr', '', why)]
}

function total(name, value, of) {
  const shown = of === undefined ? [value] : [value, node('small', '', ' of ' + of)]
  return node('div', '', node('dt', '', name), node('dd', '', ...shown))
}

function stateOf({ isReady, isDraining, isSuspended, isPaused }) {
  if (isDraining) return ['draining', 'past']
  if (!isReady) return ['not listening', 'past']
  if (isSuspended) return ['suspended', 'past']
  return isPaused ? ['paused', 'past'] : ['ready', 'ready']
}

function show(now) {
  const { clients } = now
  const [word, className] = stateOf(now.state)
  byId('state').textContent = word
  byId('state').className = className
  byId('program').textContent = 'Taxirank ' + now.program.version + ', ' + now.program.runtime
  byId('totals').replaceChildren(
    total('Clients', whole(clients.connected), whole(clients.max)),
    total('Waiting', whole(clients.waiting)),
    total('Servers', whole(now.servers)),
    total('Pools', whole(now.pools.length)))
  const keyOf = (pool) => JSON.stringify([pool.database, pool.user])
  const earlier = new Map(before === null ? [] : before.pools.map((pool) => [keyOf(pool), pool]))
  const overMs = before === null ? 0 : now.takenAtMs - before.takenAtMs
  const all = now.pools.flatMap((pool) => rows(pool, earlier.get(keyOf(pool)), overMs))
  const none = node('tr', '', node('td', 'none', 'No pool yet: the first client makes one.'))
  byId('pools').replaceChildren(...(all.length === 0 ? [none] : all))
  before = now
}

async function refresh() {
  if (document.hidden) return
  try {
    const answer = await fetch('api/snapshot', { cache: 'no-store', signal: AbortSignal.timeout(5000) })
    if (!answer.ok) throw new Error('status ' + answer.status)
    show(await answer.json())
    byId('lost').hidden = true
    byId('figures').className = ''
  } catch {
    byId('lost').hidden = false
    byId('figures').className = 'stale'
  }
}

async function run() {
  await refresh()
  setTimeout(run, everyMs)
}

run()
`
