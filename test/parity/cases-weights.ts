// Parity cases of methods that change the base's tensors, whose goldens test/golden/parity/weight-methods.py made.
import type { Delta } from '../../harness/models/method.ts';
import diffPruning from '../../methods/diff-pruning.ts';
import intrinsic from '../../methods/intrinsic.ts';
import masking from '../../methods/masking.ts';
import type { Case } from './cases.ts';
import { hasParity, readGolden, readTensors } from './folder.ts';

/** Lists the cases for a model. */
export function weightCases(model: string): readonly Case[] {
  return [masking, intrinsic, diffPruning].map((method) => {
    const file = `methods/${model}/${method.name}`;
    const config = hasParity(`${file}.json`) ? readGolden<{ config: object }>(`${file}.json`).config : {};
    return {
      golden: method.name,
      rename: (name) => name,
      attach: (base) => withProjections(method.attach(base, method.options.parse(config) as never), file),
    };
  });
}

/**
 * The size against which a gradient's error is held: its own largest number. A gate of a whole tensor sums gradients
 * that cancel, so that its rounding is of the size of all gates' gradients.
 */
export function sizeOfGradient(
  key: string,
  expected: Float32Array,
  tensors: Readonly<Record<string, Float32Array>>,
): number {
  const largest = (values: Float32Array): number =>
    values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (!key.endsWith('.group')) return largest(expected);
  const groups = Object.entries(tensors).filter(([name]) => /^grad\..*\.group$/.test(name));
  return Math.max(...groups.map(([, values]) => largest(values)));
}

/** Takes Fastfood's random parts from the golden file, since torch draws them from its own stream. */
function withProjections(delta: Delta, file: string): Delta {
  if (!delta.derived) return delta;
  const derived = Object.entries(delta.derived).map(([name, spec]) => {
    const init = async (): Promise<Float32Array> =>
      (await readTensors(`${file}-projections.safetensors`))[name]!;
    return [name, { ...spec, init }] as const;
  });
  return { ...delta, derived: Object.fromEntries(derived) };
}
