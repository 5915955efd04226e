/**
 * Packs trees of tokens into rows, several trees one behind the other in a row. A node sees only the nodes of
 * its own tree, so that a row costs what its nodes cost, and hardly any are padding. batches.ts uses it.
 */
import { roundUp, sum } from '../../support/numbers/arithmetic.ts';

/** Most nodes that one run of a program reads, unless one tree has more. */
const NODES = 2048;
/** What another program costs, in nodes that are read in the time that it takes to compile. */
const PROGRAM = 256;
/** The number of keys with which a node's attention takes as long as all else that is computed for it. */
const KEYS = 1024;

/** Trees in rows of one length. */
export interface PackedRows {
  readonly rows: number;
  /** The number of nodes in a row. */
  readonly length: number;
  /** The index of each tree, and where it begins among the nodes of all rows. */
  readonly trees: readonly { readonly tree: number; readonly begin: number }[];
}

/**
 * Divides trees, given by their numbers of nodes, into as many lots of rows as they need. `before` is the number
 * of keys that every node sees beside its tree. The longest trees come first; each lot has the length of rows
 * that costs least per node.
 */
export function packRows(nodes: readonly number[], before: number): PackedRows[] {
  const sizes = [...new Set(nodes)].sort((a, b) => b - a);
  const left = new Map(sizes.map((size) => [size, [] as number[]]));
  nodes.forEach((size, tree) => left.get(size)!.push(tree));
  const lots: PackedRows[] = [];
  const programs = new Set<string>();
  while (left.size > 0) {
    const longest = sizes.find((size) => left.has(size))!;
    let best: { lot: PackedRows; cost: number } | undefined;
    for (let length = paddedLength(longest); ; length = paddedLength(length + 1)) {
      const lot = fill(left, sizes, length);
      const program = programs.has(shapeOf(lot)) ? 0 : PROGRAM;
      const read = lot.rows * length * (1 + (before + length / 2) / KEYS);
      const cost = (read + program) / sum(lot.trees.map(({ tree }) => nodes[tree]!));
      if (!best || cost < best.cost) best = { lot, cost };
      if (length >= Math.min(2 * longest, NODES)) break;
    }
    const { lot } = best;
    programs.add(shapeOf(lot));
    lots.push(lot);
    const packed = new Set(lot.trees.map(({ tree }) => tree));
    for (const size of new Set([...packed].map((tree) => nodes[tree]!))) {
      const others = left.get(size)!.filter((tree) => !packed.has(tree));
      if (others.length > 0) left.set(size, others);
      else left.delete(size);
    }
  }
  return lots;
}

/** Fills one lot of rows: each tree, the longest first, goes into the first row that has room for it. */
function fill(
  left: ReadonlyMap<number, readonly number[]>,
  sizes: readonly number[],
  length: number,
): PackedRows {
  const most = Math.max(1, Math.floor(NODES / length));
  const filled: number[] = [];
  const trees: { tree: number; begin: number }[] = [];
  for (const size of sizes) {
    for (const tree of left.get(size) ?? []) {
      const fitting = filled.findIndex((used) => used + size <= length);
      const row = fitting >= 0 ? fitting : filled.length;
      if (row === most) break;
      trees.push({ tree, begin: row * length + (filled[row] ?? 0) });
      filled[row] = (filled[row] ?? 0) + size;
    }
  }
  return { rows: filled.length, length, trees };
}

const shapeOf = ({ rows, length }: PackedRows): string => `${rows}x${length}`;

/** Lengths of rows differ by a sixteenth at least, so that programs serve many lots. */
const paddedLength = (nodes: number): number =>
  roundUp(nodes, 2 ** Math.max(0, Math.floor(Math.log2(nodes / 16))));
