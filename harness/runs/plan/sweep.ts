import { UsageError } from '../../support/errors.ts';
import type { Method } from '../../models/method.ts';
import { splitSetting } from './option-values.ts';
import type { OptionSetting, Variant } from './variant.ts';

/** Every combination of the values of `key=a,b` each, the last key's changing fastest; one empty one where nothing is swept. */
export function sweepCombinations(sweeps: readonly string[]): OptionSetting[][] {
  let combinations: OptionSetting[][] = [[]];
  const keys = new Set<string>();
  for (const text of sweeps) {
    const { key, value } = splitSetting(text);
    const values = [...new Set(value.split(',').map((each) => each.trim()))];
    if (values.includes('')) throw new UsageError(`--sweep ${text} has an empty value; write key=a,b.`);
    if (keys.has(key)) throw new UsageError(`--sweep has ${key} twice; give all its values at once.`);
    keys.add(key);
    combinations = combinations.flatMap((before) => values.map((each) => [...before, { key, value: each }]));
  }
  return combinations;
}

/** A variant whose hyper-parameters were swept: they are part of its name, because all else of it is the same. */
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
  const all = texts.flatMap((text) => [text, ...namedAblations(text, methods).map((name) => `${text}~${name}`)]); // prettier-ignore
  if (all.length > texts.length || texts.length === 0) return all;
  const having = [...methods.values()].filter(({ ablations = {} }) => Object.keys(ablations).length > 0);
  throw new UsageError(
    `--ablations: ${texts.join(', ')} has no named ablations. Methods that have: ${having.map(({ name }) => name).join(', ')}.`,
  );
}

/** Of a plain method; whoever writes a variant or a composition has chosen already. */
function namedAblations(text: string, methods: ReadonlyMap<string, Method>): string[] {
  return Object.keys(methods.get(text)?.ablations ?? {});
}
