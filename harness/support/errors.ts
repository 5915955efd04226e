/** Errors that a user can act on, the system's error codes, and suggestions for misspelt names. */

/**
 * An error of what the user gave. Its message says what was given, what is allowed and what to do; the
 * command line prints it alone and exits with code 2.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Thrown where weights or logits are not finite, so that no score of the model would mean anything. */
export class NotFinite extends Error {
  override readonly name = 'NotFinite';
}

/**
 * Gives the system's code of an error, such as ENOENT, or of a UsageError's cause; undefined if there is
 * none.
 */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof UsageError) return errorCode(error.cause);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Gives an Error's message, or the text of another thrown value. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Gives ` Did you mean "lora"?`, with a leading space, for the name nearest to `given`; '' if none is near.
 */
export function didYouMean(given: string, names: Iterable<string>): string {
  let best: string | undefined;
  // A third of the letters may be wrong, or one of a short name; with more, suggestions would be random.
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/** The least number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        replaced,
        row[j - 1]! + 1,
        rows[i - 1]![j]! + 1,
        swapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      );
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
