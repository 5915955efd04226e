// Parity cases of methods whose goldens peft made by test/golden/parity/peft-methods.py.
import type { Delta, Method } from '../../harness/models/method.ts';
import fourierft from '../../methods/fourierft.ts';
import hra from '../../methods/hra.ts';
import lnTuning from '../../methods/ln-tuning.ts';
import loha from '../../methods/loha.ts';
import lokr from '../../methods/lokr.ts';
import loraPlus from '../../methods/lora-plus.ts';
import miss from '../../methods/miss.ts';
import oft from '../../methods/oft.ts';
import pissa from '../../methods/pissa.ts';
import randlora from '../../methods/randlora.ts';
import rslora from '../../methods/rslora.ts';
import type { Case } from './cases.ts';
import { readTensors } from './folder.ts';

const low = { rank: 4, alpha: 8 };
const variants: readonly (readonly [string, Method, object])[] = [
  ['rslora', rslora, low],
  ['pissa', pissa, low],
  ['lora-plus', loraPlus, { ...low, ratio: 4 }],
  ['ln-tuning', lnTuning, {}],
  ['loha', loha, { rank: 3, alpha: 6 }],
  ['lokr', lokr, { rank: 2, alpha: 4 }],
  ['lokr-both', lokr, { rank: 1, alpha: 2, both: true, factor: 4 }],
  ['oft', oft, { blockSize: 8 }],
  ['oft-exact', oft, { blockSize: 8, exact: true }],
  ['oft-shared', oft, { blockSize: 4, shared: true, terms: 3 }],
  ['oft-constrained', oft, { blockSize: 8, distance: 0.3 }],
  ['hra', hra, { rank: 4 }],
  ['hra-orthogonal', hra, { rank: 3, orthogonal: true }],
  ['miss', miss, { rank: 5 }],
  ['miss-mini', miss, { rank: 8, outputs: 4 }],
  ['miss-bat', miss, { rank: 4, bat: true }],
  ['fourierft', fourierft, { frequencies: 10 }],
  ['randlora', randlora, { rank: 5, alpha: 10 }],
];

/** The names of these goldens, each of which merges. */
export const peftGoldens = variants.map(([golden]) => golden);

/** Lists the cases for a model. */
export function peftCases(model: string): readonly Case[] {
  return variants.map(([golden, method, options]) => ({
    golden,
    rename: (name) => `base_model.model.${name}`,
    attach: (base) => withProjections(method.attach(base, method.options.parse(options)), model, golden),
  }));
}

/** Takes RandLoRA's projections from the golden file, since torch draws them from its own stream. */
function withProjections(delta: Delta, model: string, golden: string): Delta {
  if (golden !== 'randlora') return delta;
  const path = `methods/${model}/${golden}-projections.safetensors`;
  const frozen = Object.entries(delta.frozen!).map(
    ([name, spec]) =>
      [name, { ...spec, init: async () => (await readTensors(path))[`base_model.${name}`]! }] as const,
  );
  return { ...delta, frozen: Object.fromEntries(frozen) };
}
