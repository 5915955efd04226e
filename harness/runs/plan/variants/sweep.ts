/** Multiplies variants: the values of `--sweep`, and the named ablations of methods. */
import type { Method } from '../../../models/method.ts';
import { UsageError } from '../../../support/errors.ts';
import { splitSetting, type OptionSetting } from './option-values.ts';
import type { Variant } from './variant.ts';

/**
 * Combines the values of `key=a,b` each, the last key's changing fastest; one empty combination where nothing
 * is swept. Throws UsageError on an empty value and on a key that is given twice.
 */
export function sweepCombinations(sweeps: readonly string[]): OptionSetting[][] {
  let combinations: OptionSetting[][] = [[]];
  const keys = new Set<string>();
  for (const text of sweeps) {
    const { key, value } = splitSetting(text);
    const values = [...new Set(value.split(',').map((each) => each.trim()))];
    if (values.includes('')) throw new UsageError(`--sweep ${text} has an empty value; write key=a,b.`);
    if (keys.has(key)) throw new UsageError(`--sweep has ${key} twice; give all its values at once.`);
    keys.add(key);
    combinations = combinations.flatMap((earlier) =>
      values.map((each) => [...earlier, { key, value: each }]),
    );
  }
  return combinations;
}

/** Multiplies combinations by numbers of training examples; `all` adds nothing. Throws UsageError on others. */
export function sweepExamples(
  combinations: readonly OptionSetting[][],
  counts: readonly string[],
): OptionSetting[][] {
  const wrong = counts.find((count) => count !== 'all' && !/^[1-9]\d*$/.test(count));
  if (wrong !== undefined)
    throw new UsageError(`--train-examples ${wrong}: give whole numbers from 1 on, or "all".`);
  if (combinations.some((swept) => swept.some(({ key }) => key === 'trainExamples')))
    throw new UsageError('--train-examples and --sweep trainExamples are the same; leave one of them out.');
  return [...new Set(counts)].flatMap((count) =>
    combinations.map((swept) =>
      count === 'all' ? swept : [...swept, { key: 'trainExamples', value: String(Number(count)) }],
    ),
  );
}

/** Adds swept hyper-parameters to a variant's name, since its variants differ in nothing else. */
export function nameSwept(variant: Variant, swept: readonly OptionSetting[]): Variant {
  if (swept.length === 0) return variant;
  const changes = swept.map(({ key, value }) => `${key}=${value}`);
  return {
    ...variant,
    name: [variant.name, ...changes].join('~'),
    label: `${variant.label}, ${changes.join(', ')}`,
  };
}

/** The methods asked for, each followed by its named ablations; throws UsageError where none has any. */
export function withAblations(texts: readonly string[], methods: ReadonlyMap<string, Method>): string[] {
  const all = texts.flatMap((text) => {
    // A text with options, or of several methods, names no method by itself: nothing is added to it.
    const ablations = Object.keys(methods.get(text)?.ablations ?? {});
    return [text, ...ablations.map((name) => `${text}~${name}`)];
  });
  if (all.length > texts.length || texts.length === 0) return all;
  const having = [...methods.values()].filter(({ ablations = {} }) => Object.keys(ablations).length > 0);
  throw new UsageError(
    `--ablations: ${texts.join(', ')} has no named ablations. ` +
      `Methods that have: ${having.map(({ name }) => name).join(', ')}.`,
  );
}
