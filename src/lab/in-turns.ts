/** What is compared takes turns. */

export interface Turn<Item> {
  readonly item: Item
  readonly round: number
  /** Of all turns, how many are over before this one: 0 to 1. */
  readonly share: number
}

/** All of them in every round, forth in one and back in the next: none always comes first, or behind the same one. */
export function* inTurns<Item>(items: readonly Item[], rounds: number): Generator<Turn<Item>> {
  for (let round = 0; round < rounds; round++) {
    const ordered = round % 2 === 0 ? items : items.toReversed()
    for (const [index, item] of ordered.entries()) yield { item, round, share: (round + index / items.length) / rounds }
  }
}
