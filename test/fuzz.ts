/** Damaged files for property tests: whoever reads one gives a result, or a UsageError of one line. */
import fc from 'fast-check';
import { UsageError } from '../harness/support/errors.ts';

/** Inputs of each property; DELTABENCH_FUZZ=10000 tries more than a test run needs. */
const inputs = Number(process.env.DELTABENCH_FUZZ ?? 150);
/** What they are drawn by; DELTABENCH_FUZZ_SEED draws other ones. */
const seed = Number(process.env.DELTABENCH_FUZZ_SEED ?? 21);

/** Reads so many damaged files; gives how many were read and how many refused. Anything else fails. */
export async function readDamaged<Input>(
  damaged: fc.Arbitrary<Input>,
  read: (input: Input) => unknown,
): Promise<{ accepted: number; refused: number }> {
  const counts = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(damaged, async (input) => {
      try {
        await read(input);
        counts.accepted++;
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        if (error.message.includes('\n'))
          throw new Error(`several lines: ${error.message}`, { cause: error });
        counts.refused++;
      }
    }),
    { seed, numRuns: inputs },
  );
  if (process.env.DELTABENCH_FUZZ) console.log(`${inputs} inputs: ${JSON.stringify(counts)}`);
  return counts;
}

/** A place in something that has `length` places. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (share: number, length: number): number => Math.floor(share * length);

const byteChange: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc.oneof(
  fc.tuple(place, fc.nat(255)).map(([where, value]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[at(where, changed.length)] = value;
    return changed;
  }),
  fc.tuple(place, fc.nat(7)).map(([where, bit]) => (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    if (changed.length > 0) changed[at(where, changed.length)]! ^= 1 << bit;
    return changed;
  }),
  fc
    .tuple(place, fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff))
    .map(([where, value]) => (bytes: Buffer) => {
      const changed = Buffer.from(bytes);
      if (changed.length >= 4) changed.writeUInt32LE(value, at(where, changed.length - 3));
      return changed;
    }),
  place.map((where) => (bytes: Buffer) => bytes.subarray(0, at(where, bytes.length))),
  fc.tuple(place, fc.uint8Array({ maxLength: 8 })).map(([where, more]) => (bytes: Buffer) => {
    const cut = at(where, bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, cut), more, bytes.subarray(cut)]);
  }),
  fc.tuple(place, place).map(([one, other]) => (bytes: Buffer) => {
    const [from, to] = [one, other].sort().map((where) => at(where, bytes.length)) as [number, number];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  }),
);

/** Valid bytes with up to four changes: bytes, bits and numbers set, parts cut, doubled or put in. */
export function damagedBytes(valid: Buffer): fc.Arbitrary<Buffer> {
  return fc
    .array(byteChange, { minLength: 1, maxLength: 4 })
    .map((changes) => changes.reduce((bytes, change) => change(bytes), valid));
}

const oddValue = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, '', '0', 'nan', '__proto__', [], {}, [[]], [null], { a: 1 }),
  fc.constantFrom<unknown>(0, -0, -1, 1, 2, 0.5, 1e-300, 1e9, 2 ** 31, 2 ** 53, -(2 ** 53), 1e300),
  fc.string({ maxLength: 12, unit: 'binary' }),
  fc.integer({ min: -10, max: 300 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

type Json = unknown[] | Record<string, unknown>;
const isParent = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Every array and object within a value, itself included. */
function parents(value: unknown): Json[] {
  return isParent(value) ? [value, ...Object.values(value).flatMap(parents)] : [];
}

/** Changes one part of a value: another in its place, removed, renamed, doubled. */
const jsonChange = fc
  .tuple(place, place, fc.constantFrom('set', 'set', 'set', 'remove', 'rename', 'add'), oddValue)
  .map(([which, where, how, value]) => (whole: unknown) => {
    const copy = structuredClone(whole);
    const all = parents(copy).filter((parent) => Object.keys(parent).length > 0);
    const parent = all[at(which, all.length)];
    if (!parent) return value;
    const keys = Object.keys(parent);
    const key = keys[at(where, keys.length)]!;
    const fields = parent as Record<string, unknown>;
    if (how === 'set') fields[key] = value;
    else if (how === 'add') {
      if (Array.isArray(parent)) parent.push(fields[key], value);
      else fields[typeof value === 'string' ? value : 'more'] = value;
    } else {
      if (how === 'rename') fields[`${key}x`] = fields[key];
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else Reflect.deleteProperty(fields, key);
    }
    return copy;
  });

/** A valid JSON value with up to three changes. */
export function changedJson(valid: unknown): fc.Arbitrary<unknown> {
  return fc
    .array(jsonChange, { minLength: 1, maxLength: 3 })
    .map((changes) => changes.reduce<unknown>((value, change) => change(value), valid));
}

/** The text of a valid JSON value, changed as a value or as bytes. */
export function damagedJson(valid: unknown): fc.Arbitrary<Buffer> {
  return fc.oneof(
    { weight: 3, arbitrary: changedJson(valid).map((value) => Buffer.from(JSON.stringify(value))) },
    { weight: 1, arbitrary: damagedBytes(Buffer.from(JSON.stringify(valid))) },
  );
}
