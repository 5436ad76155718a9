/** The engine's figures as Markdown. */

/** One figure beside what it must be. */
export interface Figure {
  readonly what: string
  readonly value: string
  readonly must: string
  readonly isReached: boolean
}

export interface MicroResults {
  readonly date: string
  readonly machine: string
  readonly versions: string
  readonly rounds: number
  readonly figures: readonly Figure[]
}

export function renderMicroReport({ date, machine, versions, rounds, figures }: MicroResults): string {
  const missed = figures.filter(({ isReached }) => !isReached)
  const verdict =
    missed.length === 0 ? 'Every figure is reached.' : `Missed: ${missed.map(({ what }) => what).join('; ')}.`
  return `${[
    '# The engine in figures',
    `${date}. \`npm run bench:micro\`, ${versions}. ${machine}.`,
    verdict,
    [
      '| what | measured | must |',
      '|---|---|---|',
      ...figures.map(
        ({ what, value, must, isReached }) => `| ${what} | ${isReached ? value : `**${value}**`} | ${must} |`,
      ),
    ].join('\n'),
    `Nanoseconds are medians of ${rounds} processes each, runtimes and queue lengths taking turns; in brackets the quickest and the slowest. ` +
      'One operation is one acquire and one release on a pool of one resource with a lifetime, an idle time-out and a wait ' +
      "time-out, histograms of wait and hold, and the holder's name recorded; with waiters queued it is: give back, the first " +
      'is served, queue again at the end. Bytes are the slope of the heap over a million operations without a collection ' +
      '(Node). The scenarios run in virtual time and come out the same everywhere: [how the pool decides](../guide/how-the-pool-decides.md).',
  ].join('\n\n')}\n`
}
