/** Opens the adapter that runs begin with (`--adapter`), and names the variant that it is of. */
import type { Adapter } from '../../exchange/adapter.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Method } from '../../models/method.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import { UsageError } from '../../support/errors.ts';
import { hashArrays } from '../../support/hash.ts';
import { checkOptions, parseOption, type Options, type OptionSetting } from './variants/option-values.ts';
import { describeVariant, type Variant } from './variants/variant.ts';

/** Letters of a variant's name, at most; file systems take 255 bytes. */
const LONGEST_NAME = 200;

/** An adapter that runs begin with. */
export interface StartingAdapter {
  /** The path as it was given. */
  readonly path: string;
  readonly adapter: Adapter;
  /** Sha256 of method, options and tensors, whatever files hold them. */
  readonly hash: string;
}

/**
 * Opens an adapter for a base; `settings` give the options that its files do not say. The variant is called
 * `<method>[~key=value…]~from=<short hash>`, without options where these would make the name too long for a
 * folder: the hash covers them. Throws UsageError where the adapter cannot be read, or is of a method that is
 * not in methods/.
 */
export async function openStartingAdapter(
  path: string,
  base: BaseModel,
  methods: ReadonlyMap<string, Method>,
  settings: readonly OptionSetting[] = [],
): Promise<{ start: StartingAdapter; variant: Variant }> {
  const { readAdapter } = await import('../../exchange/read-adapter.ts');
  const adapter = await readAdapter(path, base);
  const method = methods.get(adapter.method);
  if (!method) {
    throw new UsageError(
      `${path} is an adapter of the method "${adapter.method}", which is not in methods/.`,
    );
  }
  const options = completeOptions(path, adapter, method, settings);
  const { name, label, parts } = describeVariant([{ method, options }]);
  const start = { path, adapter, hash: await hashAdapter({ ...adapter, options }) };
  const short = start.hash.slice(0, 8);
  const isShort = name.length <= LONGEST_NAME;
  return {
    start,
    variant: {
      name: `${isShort ? name : method.name}~from=${short}`,
      label: `${isShort ? label : method.label} from ${short}`,
      parts,
    },
  };
}

/**
 * The adapter's options with those of `settings`; throws UsageError where one is given that it has, or lacks
 * one.
 */
function completeOptions(
  path: string,
  { options, missing = [] }: Adapter,
  method: Method,
  settings: readonly OptionSetting[],
): Options {
  const schema = method.options;
  const given = Object.fromEntries(
    settings.map(({ key, value }) => [key, parseOption(method.name, schema, key, value)]),
  );
  const known = Object.keys(given).find((key) => !missing.includes(key));
  if (known !== undefined)
    throw new UsageError(`--set ${known}: the adapter has its method's options already.`);
  const open = missing.filter((key) => !(key in given));
  if (open.length > 0) {
    const remedy = `--set ${open.map((key) => `${key}=…`).join(' ')}`;
    throw new UsageError(
      `${path} does not say ${open.join(', ')} of its method ${method.name}; ` +
        `give them as it was trained with ${remedy}.`,
    );
  }
  return checkOptions(method.name, schema, { ...options, ...given });
}

function hashAdapter({ method, options, tensors, head }: Adapter): Promise<string> {
  const byName = Object.entries({ ...tensors, ...head }).sort(([a], [b]) => (a < b ? -1 : 1));
  return hashArrays(
    canonicalJson({ method, options }),
    byName.map(([name, { shape, data }]) => [JSON.stringify([name, shape]), data] as const),
  );
}
