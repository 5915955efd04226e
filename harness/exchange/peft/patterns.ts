import { runInNewContext } from 'node:vm';
import { UsageError } from '../../support/errors.ts';

/** PEFT's rank_pattern and alpha_pattern: a number by regular expression. */
export type Pattern = Readonly<Record<string, number>>;

/** Runs where its time can be limited, since an expression from a file may take for ever. */
const firstMatches = `names.map((name) => keys.findIndex((key) => key.test(name))).join()`;
const MOST_MILLISECONDS = 2000;

/**
 * The number of each module under a pattern: that of the first key that is, as a regular expression, the module's whole
 * name or its end behind a dot; `usual` where none is (peft.utils.other.get_pattern_key). Throws UsageError,
 * which names
 * `where` and the `setting`, for an expression that cannot be read or does not end.
 */
export function numbersByPattern(
  pattern: Pattern,
  names: Iterable<string>,
  usual: number,
  {
    where,
    setting,
    milliseconds = MOST_MILLISECONDS,
  }: { readonly where: string; readonly setting: string; readonly milliseconds?: number },
): Map<string, number> {
  const modules = [...names];
  const numbers = Object.values(pattern);
  const keys = Object.keys(pattern).map((key) => {
    try {
      // Python's way to name a group; all else of its syntax that differs is refused by the flag.
      return new RegExp(`^(.*\\.)?(${key.replaceAll('(?P<', '(?<')})$`, 'u');
    } catch (error) {
      throw new UsageError(
        `${where}: the key "${key}" of ${setting} is no regular expression that can be read here.`,
        { cause: error },
      );
    }
  });
  try {
    const found = String(runInNewContext(firstMatches, { keys, names: modules }, { timeout: milliseconds }));
    const indices = found.split(',').map(Number);
    return new Map(modules.map((name, i) => [name, numbers[indices[i]!] ?? usual]));
  } catch (error) {
    throw new UsageError(`${where}: ${setting} takes too long to match the names of modules.`, {
      cause: error,
    });
  }
}
