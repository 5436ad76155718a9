/** A node carries its own links, so that standing in a list costs no allocation. It stands in one list at a time. */
export class Node {
  list: List<Node> | undefined = undefined
  previous: Node | undefined = undefined
  next: Node | undefined = undefined
}

/** A doubly linked list, oldest first. Adding, removing and moving cost O(1). */
export class List<T extends Node> {
  #first: T | undefined
  #last: T | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first
  }

  get last(): T | undefined {
    return this.#last
  }

  /** Appends `node`, taking it out of the list it stands in. */
  push(node: T): void {
    node.list?.remove(node)
    node.list = this as unknown as List<Node>
    node.previous = this.#last
    if (this.#last) this.#last.next = node
    else this.#first = node
    this.#last = node
    this.#size++
  }

  /** `node` must stand in this list. */
  remove(node: T): void {
    const previous = node.previous as T | undefined
    const next = node.next as T | undefined
    if (previous) previous.next = next
    else this.#first = next
    if (next) next.previous = previous
    else this.#last = previous
    node.list = node.previous = node.next = undefined
    this.#size--
  }

  has(node: T): boolean {
    return node.list === (this as unknown as List<Node>)
  }

  /** From the oldest to the newest. The current node may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    let node = this.#first
    while (node) {
      const next = node.next as T | undefined
      yield node
      node = next
    }
  }
}
