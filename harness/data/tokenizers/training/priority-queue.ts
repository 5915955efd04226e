/** A priority queue (binary heap) for byte-pair training. */
interface Entry {
  readonly key: number;
  readonly priority: number;
}

/** Returns the key of the highest priority first; of equal priorities, the smallest key. */
export class PriorityQueue {
  readonly #heap: Entry[] = [];

  push(key: number, priority: number): void {
    const heap = this.#heap;
    const entry = { key, priority };
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  pop(): Entry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const before = (a: Entry, b: Entry): boolean =>
  a.priority > b.priority || (a.priority === b.priority && a.key < b.key);
