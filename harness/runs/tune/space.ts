/**
 * The search space of `bench tune`: which values a setting may have, and the points that a strategy tries for
 * a method.
 */
import type { Method } from '../../models/method.ts';
import { recipeSchema } from '../../training/recipe.ts';
import { UsageError } from '../../support/errors.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { camelCase, sameName, suggestKey } from '../plan/variants/option-values.ts';

/** The values that one setting may have. */
export interface Dimension {
  /** The method that it is for; all that have the setting where absent. */
  readonly method?: string;
  readonly key: string;
  /** As it was given, without the key. */
  readonly text: string;
  readonly values: Listed | Ranged;
}
interface Listed {
  readonly kind: 'list';
  readonly list: readonly string[];
}
interface Ranged {
  readonly kind: 'range';
  readonly low: number;
  readonly high: number;
  readonly logarithmic: boolean;
  /** How many of its values a grid has. */
  readonly count?: number;
}

/** A point: one value for each of a method's dimensions, by key. */
export type Point = Readonly<Record<string, string>>;

/** Decimals of values drawn from ranges; names of folders have them. */
const digits = 3;

/**
 * Reads `key=a,b`, `key=low..high` and `key=log:low..high` each, `/n` behind a range for n values in a grid,
 * and `method.key=…` for one method. Throws UsageError where a key is given twice, or no method has it.
 */
export function parseSpace(texts: readonly string[], methods: readonly (readonly Method[])[]): Dimension[] {
  const space = texts.map((text) => parseDimension(text, methods));
  const name = ({ method, key }: Dimension): string => `${method ?? ''}.${key}`;
  const twice = space.find((one, i) => space.findIndex((other) => name(other) === name(one)) !== i);
  if (twice) throw new UsageError(`--space has ${twice.key} twice; give it once.`);
  return space;
}

function parseDimension(text: string, variants: readonly (readonly Method[])[]): Dimension {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new UsageError(`--space ${text}: write key=a,b or key=log:1e-4..1e-1.`);
  }
  const [left, right] = [text.slice(0, at), text.slice(at + 1)];
  const methods = variants.flat();
  const owner = methods.find(({ name }) => left.startsWith(`${name}.`))?.name;
  const asked = camelCase(owner === undefined ? left : left.slice(owner.length + 1));
  const options = methods
    .filter(({ name }) => owner === undefined || name === owner)
    .flatMap(({ options: { shape } }) => Object.keys(shape));
  const known = [...Object.keys(recipeSchema.shape), ...options];
  const key = sameName(asked, known);
  if (key === undefined) {
    const whose = owner ?? 'the methods';
    throw new UsageError(
      `--space ${text}: there is no setting "${asked}", neither a hyper-parameter nor an option of ${whose}.` +
        suggestKey(asked, known),
    );
  }
  return {
    ...(owner !== undefined && { method: owner }),
    key,
    text: right,
    values: parseValues(`--space ${text}`, right),
  };
}

/** Reads the values of the option that `text` is; throws UsageError where they are none. */
function parseValues(text: string, right: string): Dimension['values'] {
  const range = /^(log:)?([^,]+?)\.\.([^,/]+)(?:\/(\d+))?$/.exec(right);
  if (!range) {
    const list = [...new Set(right.split(',').map((value) => value.trim()))];
    if (list.includes('')) throw new UsageError(`${text} has an empty value; write values as a,b.`);
    return { kind: 'list', list };
  }
  const [low, high] = [Number(range[2]), Number(range[3])];
  const count = range[4] === undefined ? undefined : Number(range[4]);
  const logarithmic = range[1] !== undefined;
  if (!(low < high) || (logarithmic && low <= 0) || (count !== undefined && count < 2)) {
    throw new UsageError(
      `${text}: a range goes from a smaller number to a larger one, above 0 where it is logarithmic, ` +
        'with two values at least in a grid.',
    );
  }
  return { kind: 'range', low, high, logarithmic, ...(count !== undefined && { count }) };
}

/** The dimensions of a variant: those of its settings, of which one for its method wins over one for all. */
export function dimensionsOf(space: readonly Dimension[], methods: readonly Method[]): Dimension[] {
  const own = space.filter(({ method, key }) =>
    method === undefined
      ? key in recipeSchema.shape || methods.some(({ options }) => key in options.shape)
      : methods.some(({ name }) => name === method),
  );
  return own.filter(({ method, key }) => method !== undefined || !own.some((o) => o.method && o.key === key));
}

/** A value of a dimension at `share` of it, from 0 to 1. */
function valueAt({ values }: Dimension, share: number): string {
  if (values.kind === 'list')
    return values.list[Math.min(values.list.length - 1, Math.floor(share * values.list.length))]!;
  const { low, high, logarithmic } = values;
  const value = logarithmic ? low * (high / low) ** share : low + (high - low) * share;
  return String(Number(value.toPrecision(digits)));
}

/**
 * Draws points at random (Bergstra and Bengio, 2012), all different; fewer where the space has no more. The
 * draws of a key are the same for every method, and the first ones stay when more are asked for.
 */
export function randomPoints(dimensions: readonly Dimension[], count: number, seed: number): Point[] {
  const draws = Math.max(1_000, 100 * count);
  const shares = dimensions.map(({ key }) => randomStream(seed, `tune ${key}`).uniform(draws, 0, 1));
  const points = new Map<string, Point>();
  for (let i = 0; i < draws && points.size < count; i++) {
    const point = Object.fromEntries(dimensions.map((one, d) => [one.key, valueAt(one, shares[d]![i]!)]));
    const key = JSON.stringify(point);
    if (!points.has(key)) points.set(key, point);
  }
  return [...points.values()];
}

/**
 * Every combination of values, the last key's changing fastest. One range without a count gets as many values
 * as `trials` leave; throws UsageError where that is no whole number, or there are several such ranges.
 */
export function gridPoints(dimensions: readonly Dimension[], trials: number | undefined): Point[] {
  const counted = dimensions.map(({ values }) =>
    values.kind === 'list' ? values.list.length : values.count,
  );
  const open = dimensions.filter((_, i) => counted[i] === undefined);
  const others = counted.reduce<number>((product, count) => product * (count ?? 1), 1);
  const left = (trials ?? NaN) / others;
  if (open.length > 1 || (open.length === 1 && !(Number.isInteger(left) && left >= 2))) {
    const [first] = open;
    throw new UsageError(
      `A grid needs to know how many values ${open.map(({ key }) => key).join(' and ')} has: ` +
        `write ${first!.key}=${first!.text}/5 for five` +
        (open.length === 1 ? `, or give --trials as a multiple of ${others}, at least ${2 * others}.` : '.'),
    );
  }
  let points: Point[] = [{}];
  for (const [d, dimension] of dimensions.entries()) {
    const count = counted[d] ?? left;
    // Shares in the middle of a list's parts; ranges have both ends.
    const share = (i: number): number =>
      dimension.values.kind === 'list' ? (i + 0.5) / count : i / (count - 1);
    const values = Array.from({ length: count }, (_, i) => valueAt(dimension, share(i)));
    points = points.flatMap((point) => values.map((value) => ({ ...point, [dimension.key]: value })));
  }
  return points;
}

/** Reads whole numbers of a grid, `200,500` or `log:200..20000/5`, smallest first; throws UsageError on others. */
export function wholeNumbers(option: string, text: string): number[] {
  const values = parseValues(`${option} ${text}`, text);
  const isOpen = values.kind === 'range' && values.count === undefined;
  const points = isOpen ? [] : gridPoints([{ key: 'number', text, values }], undefined);
  const numbers = points.map(({ number }) =>
    values.kind === 'range' ? Math.round(Number(number)) : Number(number),
  );
  if (numbers.length === 0 || numbers.some((number) => !Number.isSafeInteger(number) || number < 1)) {
    throw new UsageError(
      `${option} ${text}: write whole numbers, as 200,500,1000 or log:200..20000/5 for five.`,
    );
  }
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Where a value stands among those that were tried, in order, for numbers. */
export interface Position {
  readonly key: string;
  readonly value: string;
  /** From 1 on; undefined where values have no order. */
  readonly place: number | undefined;
  readonly of: number;
  readonly edge: 'lowest' | 'highest' | undefined;
}

/** The place of a point's values among all tried; the lowest and the highest number are its edges. */
export function positionsOf(point: Point, tried: readonly Point[]): Position[] {
  return Object.entries(point).map(([key, value]): Position => {
    const values = [...new Set(tried.map((other) => other[key]!))];
    const numbers = values.map(Number);
    if (values.length < 2 || numbers.some(Number.isNaN)) {
      return { key, value, place: undefined, of: values.length, edge: undefined };
    }
    const place = numbers.sort((a, b) => a - b).indexOf(Number(value)) + 1;
    const edge = place === 1 ? 'lowest' : place === values.length ? 'highest' : undefined;
    return { key, value, place, of: values.length, edge };
  });
}
