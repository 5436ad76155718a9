/**
 * What the holder of a server changes in its session beyond its transaction. The texts that it sends tell what it may have changed (`sent`); when
 * its transaction is over the session itself is asked what there is (`doubts`, `answered`), since only it knows what was rolled back, to a savepoint
 * maybe, or done by a function. What is set then follows the client; what can't be carried pins it: it keeps the server until that is gone.
 */

import { TaxirankError } from '../errors.ts'
import { isAsciiText } from '../sql/ascii.ts'
import type { Effect, Effects } from '../sql/effect.ts'
import { isOfTransaction } from '../sql/parameter-name.ts'
import { isSettingName, type ParameterSet } from './parameters.ts'
import { allParameters, type Answer, askableKinds, type Doubts, type PinKind } from './pin.ts'
import type { SessionState } from './session-rules.ts'
import { guard } from './session-statements.ts'

/** What a watch needs to know of its pool. */
export interface PinDesk {
  /** Others may listen for a client: LISTEN need not pin it. */
  readonly sharesListening: boolean
  /** Takes one of the places for pinned servers; false: there is none left. */
  takePin(): boolean
  /** `heldMs`: for how long it was taken. */
  givePin(heldMs: number): void
  readonly maxPinned: number
}

/** PostgreSQL refuses to set it in a session in which anybody has had something temporary. */
const refusedBehindTemporary = 'temp_buffers'

/** Under it whatever brings the session to another client may wait for others. */
const deferring = 'default_transaction_deferrable'

/** It ends the session while nobody holds it. */
export const idleLimit = 'idle_session_timeout'

/** While it lasts. */
export interface Pin {
  readonly kinds: ReadonlySet<PinKind>
  readonly sinceMs: number
}

/** What becomes of the session at the end of the lease. */
export type Cleaning = 'none' | 'reset' | 'destroy'

export class SessionWatch {
  readonly #policy: SessionState
  readonly #desk: PinDesk
  readonly #now: () => number
  readonly #kinds = new Set<PinKind>()
  /** Parameters that may have been set; true: they were only reset. A reset behind a set may be rolled back without it, to a savepoint. */
  readonly #names = new Map<string, boolean>()
  #isAnyName = false
  readonly #resets = new Set<string>()
  /** The role with which the session began; undefined: not known yet. */
  #firstRole: string | undefined
  #isStrange = false
  #hasFailed = false
  /** The holder may have listened to these channels, */
  readonly #channels = new Set<string>()
  /** or to any. */
  #isAnyChannel = false
  readonly #pins = new Set<PinKind>()
  #pinnedAtMs = 0
  #cleaning: Cleaning = 'none'
  /** A DISCARD ALL is under way; nothing that has effects was sent behind it, or something was. */
  #discard: 'none' | 'last' | 'followed' = 'none'
  /** Anything of the above was touched in this lease: what ends it has to look. Whoever changes them sets it. */
  #hasNoted = false

  constructor(policy: SessionState, desk: PinDesk, now: () => number) {
    this.#policy = policy
    this.#desk = desk
    this.#now = now
  }

  /** Nothing is looked at. */
  get isOff(): boolean {
    return this.#policy === 'allow'
  }

  /** What the holder listens to it hears without keeping the server; not if that has failed once. */
  get sharesListening(): boolean {
    return this.#policy === 'track' && this.#desk.sharesListening && !this.#pins.has('LISTEN')
  }

  get pin(): Pin | undefined {
    return this.#pins.size === 0 ? undefined : { kinds: this.#pins, sinceMs: this.#pinnedAtMs }
  }

  /** Hot path. Something has happened in this lease that has to do with its session. */
  get hasNoted(): boolean {
    return this.#hasNoted
  }

  /** The session must be asked before anything else is done with it. */
  get isInDoubt(): boolean {
    return this.#kinds.size > 0 || this.#names.size > 0 || this.#isAnyName || this.#resets.size > 0
  }

  /** Hot path. There may be something in the session that it can't be asked about. */
  get isStrange(): boolean {
    return this.#isStrange
  }

  mustWash(): void {
    this.#isStrange = true
  }

  /** The session listens to this channel; false: not for the holder. Then another client has listened, unseen, and all is removed at the end. */
  admits(channel: string): boolean {
    if (this.isOff || this.#isAnyChannel || this.#channels.has(channel)) return true
    this.cleanUp()
    return false
  }

  /** There isn't any more. */
  washed(): void {
    this.#isStrange = false
  }

  /** Hot path. */
  get isPinned(): boolean {
    return this.#pins.size > 0
  }

  /** What must be done before somebody else gets the server. */
  get cleaning(): Cleaning {
    if (this.#cleaning === 'none' && (this.isInDoubt || this.isPinned)) return 'reset'
    return this.#cleaning
  }

  /** A text with these effects is about to be sent; an error: it must not be. `session` is what the server is like. */
  sent(effects: Effects, session: ParameterSet): TaxirankError | undefined {
    if (this.isOff || effects.length === 0) return undefined
    this.#hasNoted = true
    for (const effect of effects) {
      this.#noteListen(effect)
      this.#noteDiscard(effect)
    }
    if (this.#policy === 'reset') return this.#look(effects)
    for (const effect of effects) {
      const refusal = this.#note(effect, session)
      if (refusal) return refusal
    }
    return undefined
  }

  /** How a long name is cut, and what its small letters are, depends on the encoding, beyond ASCII. */
  #noteListen(effect: Effect): void {
    if (effect.kind === 'unsure') this.#isAnyChannel = true
    if (effect.kind !== 'listen') return
    const { channel } = effect
    if (isAsciiText(channel)) this.#channels.add(channel)
    else this.#isAnyChannel = true
  }

  #noteDiscard(effect: Effect): void {
    const isDiscard = effect.kind === 'discard' && effect.what === 'all'
    if (this.#discard !== 'none') this.#discard = 'followed'
    else if (isDiscard) this.#discard = 'last'
  }

  /** Of what a reset removes nothing has to be known. */
  #look(effects: Effects): undefined {
    if (effects.some(({ kind }) => kind === 'indelible')) this.#cleaning = 'destroy'
    if (effects.some(({ kind }) => kind === 'unsure')) this.#isStrange = true
    if (effects.some((effect) => effect.kind === 'set' && effect.name === idleLimit)) this.cleanUp()
    return undefined
  }

  /** The server has said that there is something of that kind. */
  found(kind: PinKind): void {
    this.#hasNoted = true
    if (kind === 'LISTEN' && this.#channels.size === 0) this.#isAnyChannel = true
    if (this.isOff || this.#policy === 'reset') return
    if (this.#policy === 'reject') this.cleanUp()
    else if (askableKinds.includes(kind)) this.#kinds.add(kind)
    else this.#pinFor(kind)
  }

  /** All of it is removed when the lease ends. */
  cleanUp(): undefined {
    this.#hasNoted = true
    if (this.#cleaning === 'none') this.#cleaning = 'reset'
  }

  /** Hot path. What is known of the session can be compared with what there is. */
  get isKnown(): boolean {
    return (
      this.#policy !== 'allow' &&
      this.#policy !== 'reset' &&
      !this.isInDoubt &&
      !this.isPinned &&
      this.#cleaning === 'none'
    )
  }

  /** What is believed to be set is asked for by name: it may have been set and reset to the same value at once, and then PostgreSQL lists it no more. */
  doubtEverything(session: ParameterSet): Doubts {
    const names = this.#namesOfAny(session)
    for (const name of session.settings.keys()) names.set(name, false)
    const isFirstRoleAsked = this.#firstRole === undefined
    return {
      kinds: new Set(askableKinds),
      names,
      isAnyName: true,
      hasFailed: false,
      isFirstRoleAsked,
      resets: new Set(),
    }
  }

  /** What the holder runs has failed, or was rolled back. */
  undone(): void {
    this.#hasNoted = true
    this.#hasFailed = true
  }

  /** Nothing the holder has left is unknown; asked for from now on is what is sent from now on. */
  takeDoubts(session: ParameterSet): Doubts {
    const names = this.#isAnyName ? this.#namesOfAny(session) : new Map(this.#names)
    const doubts = {
      kinds: new Set(this.#kinds),
      names,
      isFirstRoleAsked: this.#firstRole === undefined && names.has('role'),
      isAnyName: this.#isAnyName,
      hasFailed: this.#hasFailed,
      resets: new Set(this.#resets),
    }
    this.#forgetDoubts()
    this.settled()
    return doubts
  }

  /** Where anything may have been set nothing was only reset. Of what PostgreSQL lists no names have to be asked for. */
  #namesOfAny({ settings }: ParameterSet): Map<string, boolean> {
    const unlisted = [...settings.keys(), ...this.#names.keys()].filter((name) => name.includes('.'))
    return new Map(['role', ...unlisted].map((name) => [name, false]))
  }

  /** Takes what the session has said. Returns what is set in it; or why the server can't be kept for the holder as it must. */
  answered(doubts: Doubts, answer: Answer, session: ParameterSet): ReadonlyMap<string, string> | TaxirankError {
    this.#hasNoted = true
    const settings = this.settingsAfter(doubts, answer, session)
    if (settings.get(deferring) === 'on' && session.settings.get(deferring) !== 'on') {
      const refusal = this.#deferring()
      if (refusal) return refusal
    }
    for (const kind of doubts.kinds) if (!answer.kinds.has(kind) && !this.#kinds.has(kind)) this.#unpin(kind)
    for (const kind of answer.kinds) {
      if (kind === 'LISTEN' && this.sharesListening) continue
      if (!this.#pins.has(kind) && !this.#pinFor(kind)) return this.#tooMany(kind)
    }
    return settings
  }

  /** It was set by a name that no text has shown. */
  #deferring(): TaxirankError | undefined {
    this.#cleaning = 'destroy'
    const isKept = this.#pins.has('indelible state') || this.#pinFor('indelible state')
    return isKept ? undefined : this.#tooMany('indelible state')
  }

  /** Nobody listens for the holder, so that it has to keep the server; an error: it can't. */
  mustListen(): TaxirankError | undefined {
    this.#hasNoted = true
    return this.#pins.has('LISTEN') || this.#pinFor('LISTEN') ? undefined : this.#tooMany('LISTEN')
  }

  /** It could not be asked: the holder keeps it, and then it is reset; an error: it can't. */
  failed(): TaxirankError | undefined {
    this.cleanUp()
    return this.isPinned || this.#pinFor('parameters') ? undefined : this.#tooMany('parameters')
  }

  /** A DISCARD ALL of the holder's has run. What was sent behind it is still to come: if there is anything, the session is asked for all of it. */
  discarded(): void {
    this.#hasNoted = true
    if (this.#discard === 'last') this.#forgetAll()
    else this.#reconsider(...askableKinds)
    this.settled()
    // What the startup packet has set is given back.
    if (!this.isOff) this.#resets.add(allParameters)
  }

  /** All that was sent has been answered. */
  settled(): void {
    this.#discard = 'none'
  }

  /** None of what the holder has left is there any more. */
  #forgetAll(): void {
    for (const kind of this.#pins) if (kind !== 'indelible state') this.#unpin(kind)
    this.#forgetDoubts()
    this.washed()
  }

  #forgetDoubts(): void {
    this.#hasFailed = false
    if (!this.isInDoubt) return
    this.#kinds.clear()
    this.#names.clear()
    this.#resets.clear()
    this.#isAnyName = false
  }

  leaseEnded(): void {
    this.#hasNoted = false
    for (const kind of this.#pins) this.#unpin(kind)
    this.#forgetDoubts()
    this.#channels.clear()
    this.#isAnyChannel = false
    this.settled()
    this.#cleaning = 'none'
  }

  #note(effect: Effect, session: ParameterSet): TaxirankError | undefined {
    switch (effect.kind) {
      case 'set':
        return this.#set(effect.name, effect.value, session)
      case 'reset all':
        this.#resets.add(allParameters)
        return this.#setAny([])
      case 'set unknown':
        return this.#setUnknown()
      case 'set given':
        return effect.isLocal ? this.#mayBeTemporary() : this.#keep('parameters')
      case 'set unnamed':
        return this.#keep('parameters')
      case 'maybe temporary':
        return this.#mayBeTemporary()
      case 'prepare':
        return this.#keep('SQL PREPARE')
      case 'temporary':
        return this.#keep('temporary objects')
      case 'lock':
        return this.#keep('advisory locks')
      case 'hold':
        return this.#keep('WITH HOLD cursors')
      case 'listen':
        return this.sharesListening ? this.#listen() : this.#keep('LISTEN')
      case 'indelible':
        return this.#keepForGood(effect.what)
      case 'deallocate':
      case 'deallocate all':
        return this.#reconsider('SQL PREPARE')
      case 'close':
        return this.#reconsider('WITH HOLD cursors')
      case 'drop':
        return this.#reconsider('temporary objects')
      case 'unlisten':
        return this.#reconsider('LISTEN')
      case 'unlock':
        return this.#reconsider('advisory locks')
      case 'discard':
        return this.#reconsider(...askableKinds)
      case 'unsure':
        return this.#anything(effect)
      default:
        return undefined
    }
  }

  #set(name: string, value: string | null | undefined, session: ParameterSet): TaxirankError | undefined {
    if (name === 'session_authorization') return value === null ? this.#mayHaveNoRole() : this.#keep('another user')
    if (value === null) this.#resets.add(name)
    if (session.reports(name)) return undefined
    if (this.#policy === 'reject' && value !== null) return this.#refuse(`SET ${name}`)
    const isRefused = value !== null && name === refusedBehindTemporary
    if (this.#policy === 'pin' || isRefused || !isSettingName(name)) return this.#keep('parameters')
    this.#names.set(name, value === null && this.#names.get(name) !== false)
    return undefined
  }

  /** Who becomes itself again takes its own role. */
  #mayHaveNoRole(): undefined {
    this.#names.set('role', false)
    return undefined
  }

  #setUnknown(): TaxirankError | undefined {
    if (this.#policy === 'reject') return this.#refuse('a change of pg_settings')
    this.#mayBeTemporary()
    return this.#policy === 'pin' ? this.#keep('parameters') : this.#setAny([])
  }

  #mayBeTemporary(): undefined {
    if (this.#policy === 'reject') return this.cleanUp()
    this.#kinds.add('temporary objects')
    return undefined
  }

  #setAny(mentioned: readonly string[]): undefined {
    this.#isAnyName = true
    for (const name of mentioned) if (isSettingName(name)) this.#names.set(name, false)
    return undefined
  }

  /** What can be asked for follows the client, or pins it; the rest is removed when another one comes. Where nothing may be left, all of it is. */
  #anything({ mentioned, isSetting }: Extract<Effect, { kind: 'unsure' }>): TaxirankError | undefined {
    if (this.#policy === 'pin') return this.#keep('parameters')
    if (this.#policy === 'reject' && isSetting) return this.#refuse('set_config')
    this.#isStrange = true
    if (this.#policy === 'reject') {
      this.cleanUp()
      return undefined
    }
    for (const kind of askableKinds) this.#kinds.add(kind)
    return this.#setAny(mentioned)
  }

  #listen(): undefined {
    this.#kinds.add('LISTEN')
    return undefined
  }

  /** Something that can't be carried will be there, if it isn't rolled back. */
  #keep(kind: PinKind): TaxirankError | undefined {
    if (this.#policy === 'reject') return this.#refuse(kind)
    if (!this.#pins.has(kind) && !this.#pinFor(kind)) return this.#tooMany(kind)
    if (askableKinds.includes(kind)) this.#kinds.add(kind)
    return undefined
  }

  #keepForGood(what: string): TaxirankError | undefined {
    if (this.#policy === 'reject') return this.#refuse(what)
    const refusal = this.#keep('indelible state')
    if (!refusal) this.#cleaning = 'destroy'
    return refusal
  }

  /** Something that pins may be gone. */
  #reconsider(...kinds: readonly PinKind[]): undefined {
    for (const kind of kinds) if (this.#pins.has(kind)) this.#kinds.add(kind)
    return undefined
  }

  #pinFor(kind: PinKind): boolean {
    if (this.#pins.size === 0) {
      if (!this.#desk.takePin()) return false
      this.#pinnedAtMs = this.#now()
    }
    this.#pins.add(kind)
    return true
  }

  #unpin(kind: PinKind): void {
    if (this.#pins.delete(kind) && this.#pins.size === 0) this.#desk.givePin(this.#now() - this.#pinnedAtMs)
  }

  #refuse(what: string): TaxirankError {
    return new TaxirankError(
      'session_state_refused',
      `${what} would outlast its transaction, and session_state is reject`,
    )
  }

  #tooMany(kind: PinKind): TaxirankError {
    const text = `${kind} would keep a server beyond the transaction, and max_pinned is ${this.#desk.maxPinned}`
    return new TaxirankError('too_many_pinned', text)
  }

  /** What the connect query has set, of which nothing was known. */
  settingsAfterConnect(answer: Answer, session: ParameterSet): ReadonlyMap<string, string> {
    this.#firstRole = answer.firstRole
    const isSet = ([name, value]: readonly [string, string | null]): boolean =>
      value !== null && !session.reports(name) && !this.#isFirstRole(name, value)
    return new Map([...answer.settings].filter(isSet) as [string, string][])
  }

  #isFirstRole(name: string, value: string): boolean {
    return name === 'role' && value === this.#firstRole
  }

  /** What is set in the session, as it has said. */
  settingsAfter(doubts: Doubts, answer: Answer, session: ParameterSet): ReadonlyMap<string, string> {
    const settings = new Map(session.settings)
    this.#firstRole ??= answer.firstRole
    for (const [name, value] of answer.settings) {
      if (session.reports(name) || (name === guard && value === 'off') || isOfTransaction(name)) continue
      const isEmptied = value === '' && doubts.resets.has(allParameters)
      const isReset = isEmptied || (doubts.names.get(name) === true && value !== session.settings.get(name))
      if (value === null || isReset || this.#isFirstRole(name, value)) settings.delete(name)
      else if (isSettingName(name)) settings.set(name, value)
    }
    if (doubts.isAnyName) for (const name of settings.keys()) if (!answer.settings.has(name)) settings.delete(name)
    for (const name of doubts.names.keys()) if (!answer.settings.has(name)) settings.delete(name)
    return settings
  }
}
