import * as fc from 'fast-check'

export type Command =
  | { readonly do: 'connect'; readonly isBack: boolean }
  | { readonly do: 'query' }
  | { readonly do: 'dialled' | 'dial fails' | 'die' | 'ended' | 'abort'; readonly which: number }
  | { readonly do: 'answer'; readonly which: number; readonly isError: boolean }
  | {
      readonly do: 'release'
      readonly which: number
      readonly how: 'clean' | 'error' | 'in transaction' | 'busy'
    }
  | { readonly do: 'resize'; readonly max: number }
  | { readonly do: 'end'; readonly isDrain: boolean }

const which = fc.nat({ max: 5 })
const picking = (name: 'dialled' | 'dial fails' | 'die' | 'ended' | 'abort'): fc.Arbitrary<Command> =>
  fc.record({ do: fc.constant(name), which })

export const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('connect' as const), isBack: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('query' as const) }) },
  { weight: 10, arbitrary: picking('dialled') },
  { weight: 1, arbitrary: picking('dial fails') },
  { weight: 3, arbitrary: picking('die') },
  { weight: 5, arbitrary: picking('ended') },
  { weight: 2, arbitrary: picking('abort') },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      which,
      isError: fc.nat({ max: 5 }).map((n) => n === 0),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      which,
      how: fc.constantFrom(
        'clean' as const,
        'clean' as const,
        'error' as const,
        'in transaction' as const,
        'busy' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resize' as const), max: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), isDrain: fc.boolean() }) },
)
