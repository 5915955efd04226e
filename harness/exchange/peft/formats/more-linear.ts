/**
 * LoHa, LoKr, OFT, HRA, MiSS, FourierFT and RandLoRA in PEFT's files: the names and settings of each. Settings
 * of dropout that deltabench does not have act in training alone, and are passed over.
 */
import { z } from 'zod';
import type { Format } from '../format.ts';
import { overLinearModules } from './linear-modules.ts';
import { ranksAndAlphas } from './low-rank.ts';
import { patternSetting } from '../patterns.ts';
import { noBias } from '../settings.ts';

const count = z.int().positive();
const positive = z.number().positive();
const any = z.unknown().optional();
/** How the tensors were initialised, which changes nothing once they are stored. */
const begun = { init_weights: any };
const lycoris = {
  r: count.default(8),
  alpha: positive.default(8),
  rank_pattern: patternSetting(count),
  alpha_pattern: patternSetting(positive),
  rank_dropout: any,
  module_dropout: any,
  use_effective_conv2d: any,
  ...begun,
};

export const loha = overLinearModules({
  peftType: 'LOHA',
  names: { rank: 'r', alpha: 'alpha' },
  settings: z.object(lycoris),
  fixed: { init_weights: true },
  parts: {
    hada_w1_a: 'hada_w1_a',
    hada_w1_b: 'hada_w1_b',
    hada_w2_a: 'hada_w2_a',
    hada_w2_b: 'hada_w2_b',
  },
  perModule: ranksAndAlphas,
  linearOnly: true,
});

const lokrParts = ['lokr_w1', 'lokr_w1_a', 'lokr_w1_b', 'lokr_w2', 'lokr_w2_a', 'lokr_w2_b'];

export const lokr = overLinearModules({
  peftType: 'LOKR',
  names: { rank: 'r', alpha: 'alpha', both: 'decompose_both', factor: 'decompose_factor' },
  settings: z.object({
    ...lycoris,
    rank_dropout_scale: any,
    decompose_both: z.boolean().default(false),
    decompose_factor: z
      .int()
      .default(-1)
      .transform((factor) => (factor === -1 ? undefined : factor)),
  }),
  fixed: { init_weights: true, decompose_factor: -1 },
  parts: Object.fromEntries(lokrParts.map((part) => [part, part])),
  perModule: ranksAndAlphas,
  linearOnly: true,
});

const notExact = z
  .boolean()
  .default(true)
  .transform((series) => !series);
const oftTensors = overLinearModules({
  peftType: 'OFT',
  names: {
    blockSize: 'oft_block_size',
    shared: 'block_share',
    exact: 'use_cayley_neumann',
    terms: 'num_cayley_neumann_terms',
    distance: 'eps',
  },
  settings: z.object({
    r: z.literal(0, 'a number of blocks is not read, only their size (oft_block_size)').default(0),
    oft_block_size: z.int().min(2).default(32),
    block_share: z.boolean().default(false),
    use_cayley_neumann: notExact,
    num_cayley_neumann_terms: z.int().min(2).default(5),
    module_dropout: any,
    coft: z.boolean().default(false),
    eps: positive.default(6e-5),
    bias: noBias,
    ...begun,
  }),
  fixed: { r: 0, bias: 'none', init_weights: true },
  parts: { oft_R: 'oft_R.weight' },
  linearOnly: true,
});

/**
 * OFT. PEFT's setting says whether the series is taken, our option whether the inverse is; its `eps` counts in
 * COFT alone.
 */
export const oft: Format = {
  ...oftTensors,
  write(adapter, base) {
    const { settings, tensors } = oftTensors.write(adapter, base);
    const form = { use_cayley_neumann: !settings.use_cayley_neumann, coft: 'eps' in settings };
    return { settings: { ...settings, ...form }, tensors };
  },
  read(config, tensors, base, where) {
    const { options, ...adapter } = oftTensors.read(config, tensors, base, where);
    return {
      ...adapter,
      options: { ...options, distance: config.coft === true ? options.distance : undefined },
    };
  },
};

export const hra = overLinearModules({
  peftType: 'HRA',
  names: { rank: 'r', orthogonal: 'apply_GS' },
  settings: z.object({ r: count.default(8), apply_GS: z.boolean().default(false), bias: noBias, ...begun }),
  fixed: { bias: 'none', init_weights: true },
  parts: { hra_u: 'hra_u' },
  linearOnly: true,
});

const missTensors = overLinearModules({
  peftType: 'MISS',
  names: { rank: 'r', dropout: 'miss_dropout', outputs: 'mini_r' },
  settings: z.object({
    r: count.default(64),
    miss_dropout: z.number().min(0).lt(1).default(0),
    mini_r: count.default(1),
    init_weights: z.union([z.boolean(), z.enum(['mini', 'bat'])]).default(true),
    bias: noBias,
  }),
  fixed: { bias: 'none' },
  parts: { miss_block: 'miss_block' },
  linearOnly: true,
});

/** MiSS, whose setting `init_weights` says its form: `mini_r` counts in one alone, and dropout not in `bat`. */
export const miss: Format = {
  ...missTensors,
  write(adapter, base) {
    const { settings, tensors } = missTensors.write(adapter, base);
    const form = adapter.options.bat ? 'bat' : 'mini_r' in settings ? 'mini' : true;
    return { settings: { ...settings, init_weights: form }, tensors };
  },
  read(config, tensors, base, where) {
    const { options, ...adapter } = missTensors.read(config, tensors, base, where);
    const isBat = config.init_weights === 'bat';
    const outputs = config.init_weights === 'mini' ? options.outputs : undefined;
    return { ...adapter, options: { ...options, outputs, ...(isBat && { bat: true, dropout: 0 }) } };
  },
};

export const fourierft = overLinearModules({
  peftType: 'FOURIERFT',
  names: { frequencies: 'n_frequency', scale: 'scaling', placesKey: 'random_loc_seed' },
  settings: z.object({
    n_frequency: count.default(1000),
    scaling: positive.default(150),
    random_loc_seed: z.int().min(0).default(777),
    n_frequency_pattern: patternSetting(count),
    bias: noBias,
    ...begun,
  }),
  fixed: { bias: 'none', init_weights: false },
  parts: { fourierft_spectrum: 'fourierft_spectrum' },
  perModule: [
    {
      usual: 'frequencies',
      exceptions: 'frequenciesAt',
      pattern: 'n_frequency_pattern',
      rule: 'fourierft',
    },
  ],
});

const randloraTensors = overLinearModules({
  peftType: 'RANDLORA',
  names: {
    rank: 'r',
    alpha: 'randlora_alpha',
    dropout: 'randlora_dropout',
    projectionKey: 'projection_prng_key',
  },
  settings: z.object({
    r: count.default(32),
    randlora_alpha: positive.default(640),
    randlora_dropout: z.number().min(0).lt(1).default(0),
    projection_prng_key: z.int().default(0),
    save_projection: z.literal(true, 'the frozen matrices are not in its file').default(true),
    sparse: any,
    very_sparse: any,
    bias: noBias,
    ...begun,
  }),
  fixed: { bias: 'none', init_weights: true, save_projection: true, sparse: false, very_sparse: false },
  parts: { randlora_lambda: 'randlora_lambda', randlora_gamma: 'randlora_gamma' },
  shared: ['randlora_A', 'randlora_B'],
});

/**
 * RandLoRA. The frozen matrices are stored too, since PEFT would draw other ones from torch's generator; PEFT
 * writes them once more for each module.
 */
export const randlora: Format = {
  ...randloraTensors,
  read(config, tensors, base, where) {
    const once = Object.entries(tensors).filter(
      ([key]) => !/^base_model\.model\..+\.randlora_[AB]$/.test(key),
    );
    return randloraTensors.read(config, Object.fromEntries(once), base, where);
  },
};
