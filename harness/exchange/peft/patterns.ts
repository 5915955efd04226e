/**
 * Evaluates PEFT's rank_pattern and alpha_pattern, whose regular expressions come from a file and are not
 * trusted.
 */
import { runInNewContext } from 'node:vm';
import { UsageError } from '../../support/errors.ts';

/** PEFT's rank_pattern or alpha_pattern: a regular expression → the number of the modules that it matches. */
export type Pattern = Readonly<Record<string, number>>;

/**
 * A script for node:vm, which limits its time: a regular expression from a file may backtrack without end.
 */
const firstMatches = `names.map((name) => keys.findIndex((key) => key.test(name))).join()`;
const MOST_MILLISECONDS = 2000;

/**
 * Gives each module the number of the first key that matches its whole name or the end of its name after a
 * dot, else `usual` (peft.utils.other.get_pattern_key). Throws UsageError, which names `where` and `setting`,
 * if an expression cannot be read or takes more than `milliseconds`.
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
      // Python writes a named group as (?P<name>…); the flag `u` refuses all other syntax that JavaScript
      // lacks.
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
