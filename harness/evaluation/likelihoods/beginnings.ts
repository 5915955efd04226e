/**
 * Finds the beginnings that many documents share, such as the description and the examples of a subject. A
 * model computes their keys and values once. batches.ts uses it.
 */
import type { Request } from './token-tree.ts';

/** Computed tokens that a beginning must save to be read by itself: that takes a program and a run more. */
const WORTH = 256;

/** Documents, by index, whose contexts all begin with the same `length` tokens; 0 where nothing is shared. */
export interface SharedBeginning {
  readonly documents: readonly number[];
  readonly length: number;
}

/** A document's first context, and how many of its tokens all requests of the document have. */
interface Beginning {
  readonly document: number;
  readonly context: readonly number[];
  readonly shared: number;
}

/**
 * Divides documents, a list of requests each, by what they begin with. At least the last token of every
 * context is left out, since it predicts. With `separatesEnds` only contexts of one length share.
 */
export function sharedBeginnings(
  documents: readonly (readonly Request[])[],
  separatesEnds: boolean,
): SharedBeginning[] {
  const common = (a: Beginning, b: Beginning): number =>
    separatesEnds && a.context.length !== b.context.length
      ? 0
      : Math.min(a.shared, b.shared, commonLength(a.context, b.context));
  const sorted = documents
    .map((requests, document) => beginningOf(requests, document, separatesEnds))
    .sort(
      (a, b) => (separatesEnds ? a.context.length - b.context.length : 0) || compare(a.context, b.context),
    );
  const groups: { documents: Beginning[]; length: number }[] = [];
  for (const next of sorted) {
    const last = groups.at(-1);
    if (last) {
      const length = Math.min(last.length, common(last.documents.at(-1)!, next));
      const count = last.documents.length;
      // Joining must not make the others' shared beginning shorter than it saves.
      if (length > 0 && count * length >= (count - 1) * last.length) {
        last.documents.push(next);
        last.length = length;
        continue;
      }
    }
    groups.push({ documents: [next], length: next.shared });
  }
  const isWorth = ({ documents, length }: (typeof groups)[number]): boolean =>
    (documents.length - 1) * length >= WORTH;
  const placesOf = (all: readonly Beginning[]): number[] => all.map(({ document }) => document);
  const others = groups.filter((group) => !isWorth(group)).flatMap((group) => group.documents);
  return [
    ...groups.filter(isWorth).map(({ documents, length }) => ({ documents: placesOf(documents), length })),
    ...(others.length > 0 ? [{ documents: placesOf(others), length: 0 }] : []),
  ];
}

function beginningOf(requests: readonly Request[], document: number, separatesEnds: boolean): Beginning {
  const contexts = requests.map(({ context }) => context);
  const [first] = contexts as [readonly number[]];
  const isSplit = separatesEnds && contexts.some(({ length }) => length !== first.length);
  const common = Math.min(
    ...contexts.map((context) => Math.min(context.length - 1, commonLength(first, context))),
  );
  return { document, context: first, shared: isSplit ? 0 : common };
}

/** The number of tokens that two lists begin with alike. */
function commonLength(a: readonly number[], b: readonly number[]): number {
  if (a === b) return a.length;
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}

/** Orders lists of tokens so that equal beginnings lie together. */
function compare(a: readonly number[], b: readonly number[]): number {
  const place = commonLength(a, b);
  return (a[place] ?? -1) - (b[place] ?? -1);
}
