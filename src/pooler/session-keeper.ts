/**
 * Keeps a server's session fit for whoever holds it: what its client has set is made before anything of the client's runs, what another has left is
 * removed, and when a transaction is over the session is asked what it has become, if that is in doubt.
 */

import { TaxirankError } from '../errors.ts'
import type { Effects } from '../sql/effect.ts'
import { maybeTempPathSet, tempPathSet } from '../sql/set-effects.ts'
import type { HandOverDesk } from './hand-over.ts'
import type { Holder } from './holder.ts'
import { Inquiry } from './inquiry.ts'
import type { Listeners, Marker } from './listeners.ts'
import { noSettings, type ParameterSet, type ParameterSets, type TrackedParameters } from './parameters.ts'
import { allParameters, type Answer, type Doubts, type PinKind, questionOf, readAnswer, withChannels } from './pin.ts'
import type { ReplyReader } from './reply-reader.ts'
import { ServerSession } from './server-session.ts'
import { SessionListening, type SessionListeningDesk } from './session-listening.ts'
import { resetQueryOf, type SessionRules } from './session-rules.ts'
import { openingStatement, resetStatement, setStatement } from './session-statements.ts'
import { idleLimit, type Pin, type PinDesk, SessionWatch } from './session-watch.ts'

export interface KeeperParts extends PinDesk {
  readonly rules: SessionRules
  readonly parameterSets: ParameterSets
  readonly tracked: TrackedParameters
  /** Who listens for clients. */
  readonly listeners: Listeners
  readonly now: () => number
  /** Hot path. True if all that is in the session is to be looked at as this lease ends. */
  takesSample(): boolean
  /** What it had that no text has shown; none of it may be the holder's own, and it is removed. */
  foundUnseen(unseen: readonly string[], holder: Holder): void
}

/** The server whose session it is. */
export interface KeptServer extends HandOverDesk {
  readonly holder: Holder | undefined
  /** A request of the pooler's own drops all statements. */
  statementsDropped(): void
  /** Something for which the lease has waited is there. */
  reconsider(): void
  /** Its holder keeps it from now on, or not any more. */
  pinChanged(isPinned: boolean): void
  /** So many bytes of the answer to one have come. */
  usedUp(count: number): void
}

const noAnswer = 'something that keeps the session from answering'

/** They run while the session is brought to the next client. */
const runningLimits = ['statement_timeout', 'transaction_timeout']
/** A statement of the pooler's own takes far less, but where everything else does, too. */
const shortMs = 100

/** As PostgreSQL says it, or a startup packet; 0: none. */
function isShort(limit: string): boolean {
  const ms = /^\d+\s*(ms)?$/.test(limit) ? Number.parseInt(limit) : 0
  return ms > 0 && ms < shortMs
}

const discardAll = 'DISCARD ALL'
const discardSequences = 'DISCARD SEQUENCES'

export class SessionKeeper {
  readonly session: ServerSession
  readonly #parts: KeeperParts
  readonly #server: KeptServer
  readonly #listening: SessionListening
  #watch: SessionWatch
  /** Its holder has something that would pin it, was found to only afterwards, and there is no place for one more pin. */
  #isOverfull = false
  /** What the session is being asked about itself, and what is in doubt. */
  #inquiry: { readonly asked: Inquiry; readonly doubts: Doubts; readonly isSample: boolean } | undefined
  /** Who held it last, and so has left its state in it where that is not looked at. */
  #lastHolder = 0
  /** Whatever there is of sequences in the session is another client's than the holder's. */
  #hasForeignSequences = false
  #resetsForOthers: boolean
  /** What goes ahead of the statement that brings it to its holder's has not been answered yet. */
  #isOpening = false
  /** This lease's end has been chosen for a look at everything. */
  #hasSampled = false
  /** A client that resets clean up behind has prepared statements by SQL. */
  #hasPrepared = false
  readonly #resetQuery: string | undefined
  /** What the connect query has left that can't be carried. */
  #introducedKinds: ReadonlySet<PinKind> = new Set()
  /** What the next reset is, if not that. */
  #nextReset: string | undefined

  constructor(parts: KeeperParts, server: KeptServer) {
    const { mode, sessionState } = parts.rules
    const policy = mode === 'session' ? 'allow' : sessionState
    this.#parts = parts
    this.#server = server
    this.#listening = new SessionListening(parts.listeners, this.#listeningDesk())
    this.#resetsForOthers = policy === 'reset'
    this.#resetQuery = resetQueryOf(parts.rules)
    this.#watch = new SessionWatch(policy, this.#pinDesk(), parts.now)
    this.session = new ServerSession(parts.parameterSets, this.#resetsForOthers)
  }

  /** The server is no PostgreSQL but another pooler: what is set goes wherever that one lends from next. Nothing of the session can be kept. */
  letGo(): void {
    this.#resetsForOthers = false
    this.#watch = new SessionWatch('allow', this.#pinDesk(), this.#parts.now)
  }

  #pinDesk(): PinDesk {
    const [parts, server] = [this.#parts, this.#server]
    return {
      get maxPinned() {
        return parts.maxPinned
      },
      takePin() {
        const isTaken = parts.takePin()
        if (isTaken) server.pinChanged(true)
        return isTaken
      },
      get sharesListening() {
        return parts.sharesListening
      },
      givePin(heldMs) {
        server.pinChanged(false)
        parts.givePin(heldMs)
      },
    }
  }

  #listeningDesk(): SessionListeningDesk {
    const server = this.#server
    return {
      ask: (text) => server.ask(text),
      holdUntilAnswered: () => server.holdUntilAnswered(),
      mustListen: (holder) => this.#mustListen(holder),
      mustAskAgain: () => this.#watch.found('LISTEN'),
      reconsider: () => server.reconsider(),
    }
  }

  get parameters(): ParameterSet {
    return this.session.parameters
  }

  get pin(): Pin | undefined {
    return this.#watch.pin
  }

  /** What a client has set stays in the session, unasked, until another one comes. */
  get leavesState(): boolean {
    return this.#resetsForOthers
  }

  /** Hot path. Nothing in this lease has to do with the session, as far as anybody knows: its end needs no thought. */
  get isQuiet(): boolean {
    return !this.#watch.hasNoted && this.#listening.isQuiet && this.session.unusableBy === undefined
  }

  /** Nothing is looked at. */
  get isOff(): boolean {
    return this.#watch.isOff
  }

  /** The holder keeps the server, also when nothing runs. */
  get isPinned(): boolean {
    return this.#watch.isPinned && this.session.unusableBy === undefined
  }

  /** What the session is like now must be asked before anybody else gets it. */
  get isInDoubt(): boolean {
    return this.#watch.isInDoubt && this.session.unusableBy === undefined
  }

  /** Its holder has something in it that is lost, since nobody can go on with it: that may not pass unnoticed. */
  get isLost(): boolean {
    if (this.session.unusableBy === undefined) return false
    return this.#isOverfull || this.#watch.isPinned || this.#watch.isInDoubt || this.isHandingOver
  }

  /** The holder must keep the server until what it listens to is heard elsewhere. */
  get isHandingOver(): boolean {
    return this.#listening.isHandingOver
  }

  /** What the connect query has set belongs to every session. */
  introduced(rows: readonly (readonly (string | null)[])[]): void {
    const answer = readAnswer(rows)
    this.session.introduced(this.#watch.settingsAfterConnect(answer, this.parameters))
    this.#introducedKinds = answer.kinds
  }

  // A lease begins.

  /** What the session lacks of the holder's is sent, ahead of the holder's bytes. Throws `parameter_refused`. */
  begin(holder: Holder): void {
    if (holder.parameters.tempPlace !== 'none') this.#watchPath(holder.parameters)
    const isOther = this.#lastHolder !== holder.id
    const isStrange = this.#watch.isStrange || (this.#resetsForOthers && this.#lastHolder !== 0)
    if (isOther && isStrange) this.#wash(holder)
    else if (this.parameters !== holder.parameters) this.#bringTo(holder)
    if (!isOther) return
    if (holder.readsSequences) this.#server.ask(discardSequences)
    this.#hasForeignSequences = !holder.readsSequences && this.#lastHolder !== 0
    this.#lastHolder = holder.id
  }

  /** Its search_path came with the startup packet, or was computed. */
  #watchPath(holder: ParameterSet): void {
    const refusal = this.#mayBeTemporary(holder)
    if (refusal) throw new TaxirankError('parameter_refused', refusal.message)
  }

  /** What is created without a schema may be. */
  #mayBeTemporary({ tempPlace: place }: ParameterSet): TaxirankError | undefined {
    if (place === 'none') return undefined
    return this.#watch.sent([place === 'first' ? tempPathSet : maybeTempPathSet], this.parameters)
  }

  /** Whatever clients have left is removed. */
  #wash(holder: Holder): void {
    const dropsStatements = this.#resetsForOthers && (this.#hasPrepared || this.#watch.isStrange)
    const text = resetStatement(this.session.login, holder.parameters, this.#parts.tracked)
    if (dropsStatements) this.#server.statementsDropped()
    this.#bring(dropsStatements ? `DEALLOCATE ALL;${text}` : text, holder)
    this.#hasPrepared = false
    this.#watch.washed()
  }

  #bring(text: string, { parameters }: Holder): void {
    const opening = openingStatement(text, this.parameters, parameters)
    if (opening !== undefined) {
      this.#server.ask(opening)
      this.#isOpening = true
    }
    this.#server.ask(text)
    this.session.bringing(parameters)
  }

  #bringTo(holder: Holder): void {
    const statement = setStatement(this.session, holder.parameters, this.#parts.tracked)
    if (statement === undefined) return holder.parametersAdopted(this.parameters)
    this.#bring(statement, holder)
  }

  // While it lasts.

  /** The holder is about to run something; an error: it must not. */
  running(effects: Effects): TaxirankError | undefined {
    if (effects.length === 0) return undefined
    if (!this.#watch.isOff) this.#listening.running(effects)
    return this.#watch.sent(effects, this.parameters) ?? this.#mayBeTemporary(this.parameters)
  }

  /** What the holder runs has failed, or was rolled back: what it has unlistened to it may listen to still. */
  undone(): void {
    this.#watch.undone()
    this.#listening.undone()
  }

  /** An UNLISTEN has run. */
  unlistened(): void {
    this.#listening.unlistened()
  }

  /** What is read may not be what another client has drawn. `isFirst`: nothing of the holder's was sent in this lease; `isCertain`: it is read, and will be again. */
  readsSequence(holder: Holder, isFirst: boolean, isCertain: boolean): void {
    if (this.#watch.isOff) return
    if (isCertain || (this.#hasForeignSequences && !isFirst)) holder.readsSequences = true
    if (this.#hasForeignSequences && isFirst) this.#server.ask(discardSequences)
    this.#hasForeignSequences = false
  }

  /** PostgreSQL reports that the session belongs to another user now. */
  userChanged(user: string): void {
    if (user === this.session.login.values.get('session_authorization')) return
    if (!this.#watch.isOff && !this.#resetsForOthers) this.#watch.found('another user')
  }

  /** PostgreSQL reports that the holder has another search_path, whatever has set it. */
  pathChanged(): void {
    if (!this.#watch.isOff && this.parameters.tempPlace !== 'none') this.#watch.found('temporary objects')
  }

  /** A command's tag says what it has left: statements that SQL prepared, or a channel. */
  found(kind: 'SQL PREPARE' | 'LISTEN'): void {
    if (this.#resetsForOthers) this.#hasPrepared ||= kind === 'SQL PREPARE'
    else if (!this.#watch.isOff) this.#watch.found(kind)
    else if (kind === 'LISTEN') this.session.leave('listening', 'it listens for a client')
    else this.session.leave('statements', 'a statement was prepared on it')
  }

  /** A DISCARD ALL has run: the session is as at its login, but for what nothing undoes. `isOurs`: nobody asked for it. */
  discarded(isOurs: boolean): void {
    this.session.settingsKnown(noSettings)
    if (isOurs) return this.#watch.washed()
    this.#watch.discarded()
    this.#listening.startOver()
    this.#server.holder?.unlisten()
    this.#server.holder?.parametersReported(this.parameters)
  }

  // What the session says about itself.

  /** Who gets the answer to the pooler's own request that is answered now; undefined: nobody. */
  get asking(): ReplyReader | undefined {
    return this.#inquiry?.asked
  }

  /** Hot path. Nothing is in doubt, and the lease is about to end: true if the session is to be asked for everything all the same. */
  choosesSample(): boolean {
    if (this.#hasSampled || !this.#watch.isKnown || this.isHandingOver) return false
    return (this.#hasSampled = this.#parts.takesSample())
  }

  sample(): void {
    this.#ask(this.#watch.doubtEverything(this.parameters), true)
    this.#server.holdUntilAnswered()
  }

  #ask(doubts: Doubts, isSample: boolean): void {
    this.#server.ask(questionOf(doubts))
    this.#inquiry = { asked: new Inquiry((count) => this.#server.usedUp(count)), doubts, isSample }
  }

  inquire(): void {
    const doubts = this.#watch.takeDoubts(this.parameters)
    this.#ask(doubts, false)
    // What the startup packet has set is given back before anything else runs.
    if (doubts.resets.size > 0) this.#server.holdUntilAnswered()
  }

  /** A request of the pooler's own has been answered. */
  answered(): void {
    const { holder } = this.#server
    if (this.#inquiry) this.#learn(this.#inquiry)
    else if (this.#listening.isAsking) this.#listening.answered()
    else if (this.#isOpening) this.#isOpening = false
    else {
      this.session.brought()
      if (holder?.isReading) holder.parametersAdopted(this.parameters)
    }
  }

  /** It has failed, whatever it was for. */
  askedInVain(): void {
    if (!this.#inquiry) this.session.ruin('a statement of the pooler failed on it')
  }

  #learn({ asked, doubts, isSample }: { asked: Inquiry; doubts: Doubts; isSample: boolean }): void {
    this.#inquiry = undefined
    if (isSample) return this.#learnSample(asked, doubts)
    if (asked.isFailed) return this.#keepUnasked()
    const answer = withChannels(readAnswer(asked.rows), (channel) => this.#watch.admits(channel))
    const settings = this.#watch.answered(doubts, answer, this.parameters)
    if (settings instanceof TaxirankError) return this.#overfull(settings)
    const { tempPlace: placeBefore } = this.parameters
    this.session.settingsKnown(settings)
    // What has been created since it was asked may be temporary, too.
    const refusal = this.parameters.tempPlace === placeBefore ? undefined : this.#mayBeTemporary(this.parameters)
    if (refusal) return this.#overfull(refusal)
    const { holder } = this.#server
    const mustHandOver = answer.channels.length > 0 && this.#watch.sharesListening
    if (!holder?.isReading) return mustHandOver ? this.#watch.found('LISTEN') : undefined
    holder.parametersReported(this.parameters)
    holder.parametersAdopted(this.#restarted(doubts, holder))
    if (mustHandOver) this.#listening.handOver(answer.channels, holder)
    const { pin } = this.#watch
    if (!pin) return
    holder.pinned([...pin.kinds])
    if (holder.parameters !== this.parameters) this.#bringTo(holder)
  }

  #keepUnasked(): void {
    const refusal = this.#watch.failed()
    if (refusal) this.#overfull(refusal)
  }

  #learnSample({ isFailed, rows }: Inquiry, doubts: Doubts): void {
    const { holder } = this.#server
    const answer = readAnswer(rows)
    const unseen = isFailed ? [noAnswer] : this.#unseenIn(answer, doubts)
    if (unseen.length > 0) this.#watch.cleanUp()
    // A client that wants answers in no time need not have left anything.
    if (holder && !(isFailed && this.parameters.settings.has('statement_timeout')))
      this.#parts.foundUnseen(unseen, holder)
  }

  /** What the connect query has left belongs there; and what a client's startup packet has set is spelled as it came, not as PostgreSQL does. */
  #unseenIn(answer: Answer, doubts: Doubts): string[] {
    const { parameters } = this
    const settings = this.#watch.settingsAfter(doubts, answer, parameters)
    const asGiven = this.#server.holder?.login.settings
    const isOther = (name: string): boolean => {
      const [is, was] = [settings.get(name), parameters.settings.get(name)]
      return is !== was && (is === undefined || was === undefined || asGiven?.get(name) !== was)
    }
    const names = [...new Set([...settings.keys(), ...parameters.settings.keys()])].filter(isOther)
    const kinds = [...answer.kinds].filter((kind) => !this.#introducedKinds.has(kind))
    return [...kinds, ...names.map((name) => `SET ${name}`)]
  }

  #overfull({ message }: TaxirankError): void {
    this.#isOverfull = true
    this.session.ruin(message)
  }

  /** All that the holder has sent is answered, and it keeps the server. */
  rested(holder: Holder): void {
    this.#watch.settled()
    holder.rested()
  }

  // What it listens to.

  /** The pool's listening server can't: the client keeps this one. */
  #mustListen(holder: Holder): void {
    const refusal = this.#watch.mustListen()
    if (refusal) return this.#overfull(refusal)
    holder.pinned([...(this.#watch.pin?.kinds ?? [])])
  }

  /** The server is at rest, and a hand-over under way. */
  advance(): void {
    this.#listening.advance()
  }

  /** A notification has come; true: not for the holder. */
  takesNotification(notification: Marker, holder: Holder): boolean {
    if (this.#listening.takesMarker(notification, holder)) return true
    return !this.#watch.admits(notification.channel) || holder.hears(notification.channel)
  }

  /** The holder's transaction is over, and the server at rest. */
  settleUnlistened(): void {
    this.#listening.settle(this.#server.holder)
  }

  /** What is reset has the value of the startup packet again, which servers know nothing of. */
  #restarted({ resets }: Doubts, { login }: Holder): ParameterSet {
    if (resets.size === 0) return this.parameters
    const isReset = (name: string): boolean => resets.has(allParameters) || resets.has(name.toLowerCase())
    const { values, settings } = this.parameters
    const again = new Map(values)
    for (const [name, value] of login.values) {
      if (isReset(name) && values.get(name) === this.session.login.values.get(name)) again.set(name, value)
    }
    const kept = new Map(settings)
    for (const [name, value] of login.settings) if (isReset(name) && !settings.has(name)) kept.set(name, value)
    return this.#parts.parameterSets.of(again, kept)
  }

  // A lease ends.

  /**
   * What is to become of the server: it is lent on as it is, after a reset, or not at all, for a reason. `isUsed`: something was sent in the lease.
   */
  end(isUsed: boolean): { readonly isDirty: boolean; readonly reason: string | undefined } {
    const { cleaning } = this.#watch
    const mustReset = cleaning === 'reset' || this.isHandingOver || this.#isLimited
    const isDirty = isUsed && (this.#resetQuery !== undefined || mustReset)
    const reason = cleaning === 'destroy' ? 'what its client has left in it can not be removed' : undefined
    if (mustReset) this.#nextReset = discardAll
    this.#leaseEnded()
    return { isDirty, reason: reason ?? (isDirty ? this.session.ruinedBy : this.session.spoiltBy) }
  }

  /** A client's limit of time would hit whoever comes next: PostgreSQL would end it while nobody holds it, or refuse what brings it to another's. */
  get #isLimited(): boolean {
    const { parameters, login } = this.session
    if (parameters.settings.size === 0) return false
    const own = (name: string): string => {
      const limit = parameters.settings.get(name) ?? ''
      return limit === login.settings.get(name) ? '' : limit
    }
    return own(idleLimit) !== '' || runningLimits.some((name) => isShort(own(name)))
  }

  /** It is gone, with whatever was in it. */
  lost(): void {
    this.#leaseEnded()
  }

  #leaseEnded(): void {
    this.#hasSampled = false
    if (!this.#watch.hasNoted && this.#listening.isQuiet) return
    this.#watch.leaseEnded()
    this.#listening.leaseEnded()
  }

  /** Removes what the last lease has left. */
  takeReset(): string | undefined {
    const text = this.#nextReset ?? this.#resetQuery
    this.#nextReset = undefined
    if (text !== discardAll && !this.#watch.isOff) this.#forgetHolder()
    return text
  }

  /** Nobody knows any more what is there of whoever held it last. */
  #forgetHolder(): void {
    this.#watch.mustWash()
    this.#lastHolder = 0
  }
}
