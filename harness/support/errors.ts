/** What the user gave cannot be used; the message says what was given, what is allowed and what to do (exit code 2). */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The system's code of an error, such as ENOENT, or of what is behind a UsageError; undefined where it has none. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof UsageError) return errorCode(error.cause);
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What was thrown, in its own words: an Error's message, else its text. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** ` Did you mean "lora"?` with a leading space for the name nearest to `given`; '' where none is near. */
export function didYouMean(given: string, names: Iterable<string>): string {
  let best: string | undefined;
  // A third of the letters may be wrong, at least one: more would suggest names at random.
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best === undefined ? '' : ` Did you mean "${best}"?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
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
