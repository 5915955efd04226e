import { createHash } from 'node:crypto';
import { UsageError } from '../../support/errors.ts';
import type { Adapter } from '../../exchange/adapter.ts';
import type { Method } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { canonicalJson } from '../../support/canonical-json.ts';
import { checkOptions, parseOption } from './option-values.ts';
import { describeVariant, type OptionSetting, type Variant } from './variant.ts';

/** Letters of a variant's name; file systems take 255 bytes. */
const LONGEST_NAME = 200;

/** An adapter that runs begin with. */
export interface StartingAdapter {
  /** As it was given. */
  readonly path: string;
  readonly adapter: Adapter;
  /** Sha256 of what it holds, in whatever files. */
  readonly hash: string;
}

/**
 * Opens an adapter for a base, with settings for options that it does not say; its variant is called `<method>[~key=value…]~from=<short hash>`,
 * without the options where these name so many modules that no folder could be called so: the hash covers them. Throws UsageError where it
 * cannot be read, or is of a method that is not in methods/.
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
  if (!method) throw new UsageError(`${path} is an adapter of the method "${adapter.method}", which is not in methods/.`); // prettier-ignore
  const schema = method.options;
  const given = Object.fromEntries(
    settings.map(({ key, value }) => [key, parseOption(method.name, schema, key, value)]),
  );
  const { missing = [] } = adapter;
  const known = Object.keys(given).find((key) => !missing.includes(key));
  if (known !== undefined)
    throw new UsageError(`--set ${known}: the adapter has its method's options already.`);
  const open = missing.filter((key) => !(key in given));
  if (open.length > 0) throw new UsageError(`${path} does not say ${open.join(', ')} of its method ${method.name}; give them as it was trained with --set ${open.map((key) => `${key}=…`).join(' ')}.`); // prettier-ignore
  const options = checkOptions(method.name, schema, { ...adapter.options, ...given });
  const { name, label, parts } = describeVariant([{ method, options }]);
  const start = { path, adapter, hash: hashAdapter({ ...adapter, options }) };
  const short = start.hash.slice(0, 8);
  const [called, shown] = name.length <= LONGEST_NAME ? [name, label] : [method.name, method.label];
  return { start, variant: { name: `${called}~from=${short}`, label: `${shown} from ${short}`, parts } };
}

function hashAdapter({ method, options, tensors, head }: Adapter): string {
  const hash = createHash('sha256').update(canonicalJson({ method, options }));
  for (const [name, { shape, data }] of Object.entries({ ...tensors, ...head }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    // prettier-ignore
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
