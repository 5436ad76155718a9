/** A node carries its own links, so that standing in a list costs no allocation. It stands in one list at a time. */
export class Node {
  list: List<Node> | undefined = undefined
  /** Its neighbours in the list; outside of one itself. */
  previous: Node = this
  next: Node = this
}

/** A doubly linked list, oldest first. Adding, removing and moving cost O(1). */
export class List<T extends Node> {
  /** Behind the newest and in front of the oldest: so no place in the list is special, and nothing branches on it. */
  readonly #end = new Node()
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#unlessEnd(this.#end.next)
  }

  get last(): T | undefined {
    return this.#unlessEnd(this.#end.previous)
  }

  /** The next older one. `node` must stand in this list. */
  before(node: T): T | undefined {
    return this.#unlessEnd(node.previous)
  }

  /** The next newer one. `node` must stand in this list. */
  after(node: T): T | undefined {
    return this.#unlessEnd(node.next)
  }

  /** Appends `node`, taking it out of the list it stands in. */
  push(node: T): void {
    this.#insert(node, this.#end)
  }

  /** Puts `node` in front of `next`, taking it out of the list it stands in. Undefined: appends it. */
  insertBefore(node: T, next: T | undefined): void {
    this.#insert(node, next ?? this.#end)
  }

  /** `node` must stand in this list. */
  remove(node: T): void {
    const { previous, next } = node
    previous.next = next
    next.previous = previous
    node.list = undefined
    node.previous = node.next = node
    this.#size--
  }

  has(node: T): boolean {
    return node.list === (this as unknown as List<Node>)
  }

  /** From the oldest to the newest. The current node may be removed meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    let node = this.#end.next
    while (node !== this.#end) {
      const { next } = node
      yield node as T
      node = next
    }
  }

  /** Hot path. A slot that is lent or given back moves from one list to another. */
  #insert(node: T, next: Node): void {
    const from = node.list
    if (from) {
      node.previous.next = node.next
      node.next.previous = node.previous
      from.#size--
    }
    const { previous } = next
    node.list = this as unknown as List<Node>
    node.previous = previous
    node.next = next
    previous.next = node
    next.previous = node
    this.#size++
  }

  #unlessEnd(node: Node): T | undefined {
    return node === this.#end ? undefined : (node as T)
  }
}
