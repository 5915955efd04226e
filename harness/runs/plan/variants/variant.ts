/**
 * A variant: one method or several together with all options, its name in folders and its label in tables.
 */
import type { Method } from '../../../models/method.ts';
import { canonicalJson, hashJson } from '../../../support/json/canonical-json.ts';
import { formatValue, type Options } from './option-values.ts';

/** One method of a variant with all its options. */
export interface VariantPart {
  readonly method: Method;
  readonly options: Options;
}

/** A method, or several together, with every option resolved. */
export interface Variant {
  /** The shortest text that parseVariant reads as this variant: `red~position=attn`. */
  readonly name: string;
  /** As tables print it: `RED (position=attn)`. */
  readonly label: string;
  readonly parts: readonly VariantPart[];
}

/** What answers in place of a model; undefined where the model does. */
export const answersOf = ({ parts }: Pick<Variant, 'parts'>): Method['answers'] =>
  parts.find(({ method }) => method.answers)?.method.answers;

/**
 * Names a variant by what differs from each method's defaults, and from what a recipe gives it in `recipes`.
 */
export function describeVariant(parts: readonly VariantPart[], recipes: readonly Options[] = []): Variant {
  const changes = parts.map(({ method, options }, i) => changesOf(method, options, recipes[i] ?? {}));
  const settings = parts.flatMap(({ method }, i) =>
    changes[i]!.map((change) => `~${parts.length > 1 ? `${method.name}.` : ''}${change}`),
  );
  const labels = parts.map(({ method }, i) =>
    changes[i]!.length ? `${method.label} (${changes[i]!.join(', ')})` : method.label,
  );
  return {
    name: parts.map(({ method }) => method.name).join('+') + settings.join(''),
    label: labels.join(' + '),
    parts,
  };
}

/**
 * Options that differ from the defaults and the recipe: an ablation's name where it fits, else `key=value`.
 */
function changesOf(method: Method, options: Options, recipe: Options): string[] {
  const schema = method.options;
  // The schema fills in nothing where an option has no default; then only the recipe's values are defaults.
  const defaults = schema.safeParse(recipe).data ?? recipe;
  const changed = new Map(
    Object.entries(options).filter(
      ([key, value]) => value !== undefined && canonicalJson(value) !== canonicalJson(defaults[key]),
    ),
  );
  const ablations: string[] = [];
  for (const [name, ablation] of Object.entries(method.ablations ?? {})) {
    const entries = Object.entries(ablation);
    const fits = entries.every(
      ([key, value]) => changed.has(key) && canonicalJson(changed.get(key)) === canonicalJson(value),
    );
    if (!fits || entries.length === 0) continue;
    ablations.push(name);
    for (const [key] of entries) changed.delete(key);
  }
  return [...ablations, ...[...changed].map(([key, value]) => `${key}=${nameOfValue(value)}`)];
}

/** A value as a variant's name has it: of a long text the beginning and a hash, since names are folders'. */
function nameOfValue(value: unknown): string {
  const text = formatValue(value);
  const isLong = typeof value === 'string' && text.length > 150;
  return isLong ? `${text.slice(0, 40).trimEnd()}…${hashJson(value).slice(0, 8)}` : text;
}
