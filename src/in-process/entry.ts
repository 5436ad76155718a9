import type { CallStack } from './call-site.ts'
import type { Task } from './tasks.ts'

/** Who holds a lease, or asks for one; known only where leaks or deadlocks are looked for. */
export interface Holding {
  readonly site: string
  readonly calls: CallStack
  readonly task: Task | undefined
}

/** What is lent, beside what its slot knows. */
export class Entry {
  holding: Holding | undefined = undefined

  /** Something is done with it at this moment: whoever has it does not just wait for others. */
  get isWorking(): boolean {
    return false
  }
}
