/**
 * Evaluates PEFT's rank_pattern, alpha_pattern and n_frequency_pattern, whose regular expressions come from a
 * file and are not trusted.
 */
import { runInNewContext } from 'node:vm';
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';

/** Such a pattern: a regular expression → the number of the modules that it matches. */
export type Pattern = Readonly<Record<string, number>>;

/** A pattern in adapter_config.json, whose numbers `number` checks; {} where it is absent. */
export const patternSetting = (number: z.ZodNumber | z.ZodInt) =>
  z
    .record(z.string(), number)
    .nullish()
    .transform((pattern): Pattern => pattern ?? {});

/**
 * How a key becomes PEFT's expression. FourierFT's key must stand behind a dot, and an alternative in it, `a|b`,
 * reaches over the whole expression (peft/tuners/fourierft/model.py).
 */
const expressions = {
  usual: (key: string): string => `^(.*\\.)?(${key})$`,
  fourierft: (key: string): string => `^(?:.*\\.${key}$)`,
};

/** A rule by which PEFT matches the keys of a pattern. */
export type PatternRule = keyof typeof expressions;

/**
 * A script for node:vm, which limits its time: a regular expression from a file may backtrack without end.
 */
const firstMatches = `names.map((name) => keys.findIndex((key) => key.test(name))).join()`;
const MOST_MILLISECONDS = 2000;

/**
 * Gives each module the number of the first key that matches its whole name or the end of its name after a
 * dot (peft.utils.other.get_pattern_key), else of the key that is its name, else `usual`. Throws UsageError,
 * which names `where` and `setting`, if an expression cannot be read or takes more than `milliseconds`.
 */
export function numbersByPattern(
  pattern: Pattern,
  names: Iterable<string>,
  usual: number,
  {
    where,
    setting,
    rule = 'usual',
    milliseconds = MOST_MILLISECONDS,
  }: {
    readonly where: string;
    readonly setting: string;
    readonly rule?: PatternRule | undefined;
    readonly milliseconds?: number;
  },
): Map<string, number> {
  const modules = [...names];
  const numbers = Object.values(pattern);
  const keys = Object.keys(pattern).map((key) => {
    try {
      // Python writes a named group as (?P<name>…); the flag `u` refuses all other syntax that JavaScript
      // lacks.
      return new RegExp(expressions[rule](key.replaceAll('(?P<', '(?<')), 'u');
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
    const exact = new Map(Object.entries(pattern));
    return new Map(modules.map((name, i) => [name, numbers[indices[i]!] ?? exact.get(name) ?? usual]));
  } catch (error) {
    throw new UsageError(`${where}: ${setting} takes too long to match the names of modules.`, {
      cause: error,
    });
  }
}
