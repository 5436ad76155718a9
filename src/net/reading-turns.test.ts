import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Reader, readAgain, readLittle, readMuch } from './reading-turns.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What reads nothing by itself. */
class Notes implements Reader {
  isResting = false
  turns = 0

  rest(): void {
    this.isResting = true
  }

  readOn(): void {
    this.isResting = false
    this.turns++
  }
}

const readers = (count: number): Notes[] => Array.from({ length: count }, () => new Notes())
const areResting = (some: readonly Notes[]): boolean[] => some.map(({ isResting }) => isResting)

describe('turns of reading', () => {
  it('a single reader never rests, however much it reads', async () => {
    const [only] = readers(1) as [Notes]
    for (let n = 0; n < 5; n++) {
      readMuch(only)
      assert.equal(only.isResting, false)
      await turn()
    }
    readLittle(only)
    assert.equal(only.turns, 0)
  })

  it('behind two reads in one turn all who read in bulk rest, also who has not read in this turn', async () => {
    const [early, second, third] = readers(3) as [Notes, Notes, Notes]
    readMuch(early)
    await turn()
    readMuch(second)
    assert.deepEqual(areResting([early, second, third]), [false, false, false])
    readMuch(third)
    assert.deepEqual(areResting([early, second, third]), [true, true, true])
    await turn()
    assert.deepEqual(areResting([early, second, third]), [false, false, true], 'two a turn, the longest resting first')
    await turn()
    assert.deepEqual(areResting([early, second, third]), [false, false, false])
    for (const reader of [early, second, third]) readLittle(reader)
  })

  it('whoever was paused meanwhile takes no turn, and afterwards waits for one only if others read', async () => {
    const all = readers(4) as [Notes, Notes, Notes, Notes]
    const [paused, one, two, other] = all
    readMuch(paused)
    readLittle(paused)
    await turn()
    assert.equal(readAgain(paused), true)
    readLittle(paused)
    for (const reader of [one, two, other]) readMuch(reader)
    assert.equal(readAgain(paused), true, 'those who rest are not reading')
    readLittle(paused)
    await turn()
    assert.equal(readAgain(paused), false)
    await turn()
    assert.deepEqual([paused.turns, other.turns], [1, 1])
    for (const reader of all) readLittle(reader)
  })

  it('everybody gets about as many turns as everybody else', async () => {
    const all = readers(7)
    for (const reader of all) readMuch(reader)
    for (let n = 0; n < 70; n++) {
      await turn()
      const awake = all.filter(({ isResting }) => !isResting)
      assert.ok(awake.length <= 2, `${awake.length} read at once`)
      for (const reader of awake) readMuch(reader)
    }
    for (const { turns } of all) assert.ok(turns >= 15 && turns <= 25, `${turns} turns`)
    for (const reader of all) readLittle(reader)
  })

  it('who has ended, or reads little, takes no turn', async () => {
    const all = readers(6)
    for (const reader of all) readMuch(reader)
    for (const reader of all.slice(0, 4)) readLittle(reader)
    await turn()
    assert.deepEqual(
      all.map(({ turns }) => turns),
      [0, 0, 0, 0, 1, 1],
    )
    for (const reader of all) readLittle(reader)
  })
})
