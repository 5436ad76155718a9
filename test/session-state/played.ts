/** What was seen when one kind of state was made in one situation. */

/** What somebody else saw, who must see nothing. */
export interface Sight {
  /** Beside the client that made the state, on the server it was moved to, or after it had left. */
  readonly when: 'beside' | 'moved' | 'after'
  readonly saw: string
  readonly server: 'the same server' | 'another server' | 'a server it had to wait for'
}

export interface Played {
  /** What the statements that make the state were answered, without notices and reported parameters. */
  readonly answers: readonly string[]
  /** What their client saw in transactions of its own: at once, after another client's, and on another server. */
  readonly shows: readonly string[]
  readonly sights: readonly Sight[]
  /** It kept its server between transactions. */
  readonly isPinned: boolean
}

/** On a direct connection. */
export interface Reference extends Pick<Played, 'answers' | 'shows'> {
  /** What a session shows in which the state was never made. */
  readonly fresh: string
  /** What A shows before it makes it. */
  readonly untouched: string
}
