import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { List, Node } from './list.ts'

class Named extends Node {
  readonly name: string

  constructor(name: string) {
    super()
    this.name = name
  }
}

const namesIn = (list: List<Named>): string[] => [...list].map((node) => node.name)

describe('List', () => {
  it('is empty at first', () => {
    const list = new List<Named>()
    assert.deepEqual([namesIn(list), list.size, list.first, list.last], [[], 0, undefined, undefined])
  })

  it('goes from the oldest to the newest', () => {
    const list = new List<Named>()
    const nodes = ['a', 'b', 'c'].map((name) => new Named(name))
    for (const node of nodes) list.push(node)
    assert.deepEqual([namesIn(list), list.size, list.first?.name, list.last?.name], [['a', 'b', 'c'], 3, 'a', 'c'])
  })

  it('says who stands before and after a node', () => {
    const list = new List<Named>()
    const [a, b] = [new Named('a'), new Named('b')]
    for (const node of [a, b]) list.push(node)
    assert.deepEqual([list.before(a), list.after(a), list.before(b), list.after(b)], [undefined, b, a, undefined])
  })

  it('puts a node in front of another, wherever either stands', () => {
    const [from, list] = [new List<Named>(), new List<Named>()]
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Named(name)) as [Named, Named, Named, Named]
    for (const node of [a, b, c]) list.push(node)
    from.push(d)
    list.insertBefore(d, a)
    assert.deepEqual([namesIn(list), list.size, from.size, list.first], [['d', 'a', 'b', 'c'], 4, 0, d])
    list.insertBefore(d, c)
    assert.deepEqual([namesIn(list), list.size], [['a', 'b', 'd', 'c'], 4])
    list.insertBefore(a, undefined)
    assert.deepEqual([namesIn(list), list.size, list.last], [['b', 'd', 'c', 'a'], 4, a])
  })

  it('moves a node that stands elsewhere, or in itself', () => {
    const from = new List<Named>()
    const to = new List<Named>()
    const [a, b] = [new Named('a'), new Named('b')]
    from.push(a)
    from.push(b)
    to.push(a)
    assert.deepEqual([namesIn(from), namesIn(to), from.has(a), to.has(a)], [['b'], ['a'], false, true])
    to.push(b)
    to.push(a)
    assert.deepEqual([namesIn(from), namesIn(to), from.size, to.size], [[], ['b', 'a'], 0, 2])
  })

  it('lets the current node leave while it is walked', () => {
    const list = new List<Named>()
    for (const name of ['a', 'b', 'c']) list.push(new Named(name))
    const seen: string[] = []
    for (const node of list) {
      seen.push(node.name)
      list.remove(node)
    }
    assert.deepEqual([seen, namesIn(list)], [['a', 'b', 'c'], []])
  })

  it('agrees with an array, whatever is pushed and removed', () => {
    const moves = fc.array(fc.record({ node: fc.nat({ max: 5 }), to: fc.constantFrom(0, 1, undefined) }))
    const property = fc.property(moves, (sequence) => {
      const nodes = Array.from({ length: 6 }, (_, index) => new Named(String(index)))
      const lists = [new List<Named>(), new List<Named>()]
      const arrays: Named[][] = [[], []]
      for (const { node: index, to } of sequence) {
        const node = nodes[index] as Named
        const from = arrays.findIndex((array) => array.includes(node))
        if (from >= 0) arrays[from] = (arrays[from] as Named[]).filter((one) => one !== node)
        if (to !== undefined) arrays[to]?.push(node)
        if (to !== undefined) lists[to]?.push(node)
        else lists[from]?.remove(node)
        assert.deepEqual(
          lists.map(namesIn),
          arrays.map((array) => array.map(({ name }) => name)),
        )
        assert.deepEqual(
          lists.map(({ size, first, last }) => ({ size, first, last })),
          arrays.map((array) => ({ size: array.length, first: array[0], last: array.at(-1) })),
        )
        assert.deepEqual(
          lists.map((list) => list.has(node)),
          arrays.map((array) => array.includes(node)),
        )
      }
    })
    fc.assert(property, { numRuns: 300 })
  })
})
