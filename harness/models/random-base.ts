import { createHash } from 'node:crypto';
import { UsageError, didYouMean } from '../data/errors.ts';
import { describeArchitecture } from './families.ts';
import type { Architecture } from './family.ts';
import { randomStream } from './random.ts';

const keys = {
  layers: 'n_layer',
  width: 'n_embd',
  heads: 'n_head',
  vocab: 'vocab_size',
  positions: 'n_positions',
  seed: 'seed',
} as const;
const defaults = { n_layer: 4, n_embd: 256, n_head: 4, vocab_size: 50257, n_positions: 1024, seed: 0 };

export interface RandomBase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly architecture: Architecture;
  readonly hash: string;
  tensor(name: string): Float32Array;
}

/** A base of random weights, `random-gpt2~layers=4,width=256,heads=4,vocab=…,positions=…,seed=…`: for tests and benchmarks. */
export function randomBase(id: string): RandomBase {
  const [family, ...settings] = id.slice('random-'.length).split(/[~,]/);
  const config: Record<string, unknown> & typeof defaults = { ...defaults, model_type: family };
  for (const setting of settings) {
    const [key = '', value = ''] = setting.split('=');
    const field = key in keys ? keys[key as keyof typeof keys] : undefined;
    if (!field) {
      throw new UsageError(
        `"${id}": a random base has no setting "${key}".${didYouMean(key, Object.keys(keys))} It has ${Object.keys(keys).join(', ')}.`,
      );
    }
    if (!/^\d+$/.test(value)) throw new UsageError(`"${id}": ${key} must be a whole number, not "${value}".`);
    config[field] = Number(value);
  }
  const { seed, ...rest } = config;
  // No dropout unless asked for: a random base serves comparisons of speed and of gradients.
  const full = { ...rest, resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };
  const architecture = describeArchitecture(full, `"${id}"`);
  return {
    config: full,
    architecture,
    hash: createHash('sha256')
      .update(`random ${JSON.stringify(full)} ${seed}`)
      .digest('hex'),
    tensor(name) {
      const size = architecture.shapes[name]!.reduce((product, n) => product * n, 1);
      const initial = architecture.initial(name);
      return initial.kind === 'constant'
        ? new Float32Array(size).fill(initial.value)
        : randomStream(seed, name).normal(size, 0, initial.deviation);
    },
  };
}
