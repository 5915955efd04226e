/**
 * The order in which torch.argsort puts equal numbers on a CPU. Training in the order of peft's method_comparison
 * needs it: texts of equal length are put into batches by it.
 */

/** Ranges up to this length are sorted by insertion alone. */
const SHORT = 16;

/**
 * The indices of numbers from the largest to the smallest, as torch.argsort(descending=True) of torch 2.15 gives
 * them, which is no stable sort: libstdc++'s std::sort (bits/stl_algo.h, introsort). Where that one would turn to a
 * heap, which takes numbers made for it, equal ones keep their order here.
 */
export function torchArgsort(numbers: readonly number[]): number[] {
  const order = Array.from(numbers.keys());
  const isBefore = (a: number, b: number): boolean => numbers[order[a]!]! > numbers[order[b]!]!;
  const swap = (a: number, b: number): void => {
    [order[a], order[b]] = [order[b]!, order[a]!];
  };
  /** Moves the median of the second, the middle and the last place to the first. */
  const placePivot = (first: number, last: number): void => {
    const places = [first + 1, first + Math.floor((last - first) / 2), last - 1] as const;
    const [a, b, c] = places;
    if (isBefore(a, b)) swap(first, isBefore(b, c) ? b : isBefore(a, c) ? c : a);
    else swap(first, isBefore(a, c) ? a : isBefore(b, c) ? c : b);
  };
  /** Parts the places after `pivot` into those before it and those after it; returns where the latter begin. */
  const part = (pivot: number, end: number): number => {
    let [first, last] = [pivot + 1, end];
    for (;;) {
      while (isBefore(first, pivot)) first++;
      last--;
      while (isBefore(pivot, last)) last--;
      if (first >= last) return first;
      swap(first, last);
      first++;
    }
  };
  const sortLong = (first: number, end: number, depth: number): void => {
    let last = end;
    for (let left = depth; last - first > SHORT && left > 0;) {
      left--;
      placePivot(first, last);
      const cut = part(first, last);
      sortLong(cut, last, left);
      last = cut;
    }
  };
  sortLong(0, order.length, 2 * Math.floor(Math.log2(Math.max(1, order.length))));
  // What is left unsorted lies in short ranges; sorting by insertion is stable.
  return order.sort((a, b) => numbers[b]! - numbers[a]!);
}
