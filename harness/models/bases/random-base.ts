/**
 * Bases of random weights, which their name alone describes. Tests and benchmarks of speed use them, and
 * pretraining starts from one.
 */
import { createHash } from 'node:crypto';
import { UsageError, didYouMean } from '../../support/errors.ts';
import { describeArchitecture } from '../families/registry.ts';
import type { Architecture } from '../architecture.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/** How a random base's settings become the config.json of its family. */
interface RandomFamily {
  /** Setting → field of config.json. */
  readonly keys: Readonly<Record<string, string>>;
  readonly defaults: Readonly<Record<string, number>>;
  /** Gives the fields of config.json that follow from the settings. */
  derived?(config: Readonly<Record<string, number>>): Readonly<Record<string, unknown>>;
  readonly tokenizer: TokenizerSource;
}

/** Where a fitting tokenizer lies: a folder in DELTABENCH_DATA/tokenizers, or a hub's repository. */
export interface TokenizerSource {
  readonly folder: string;
  readonly repo: string;
}

const encoderKeys = {
  layers: 'num_hidden_layers',
  width: 'hidden_size',
  heads: 'num_attention_heads',
  inner: 'intermediate_size',
  vocab: 'vocab_size',
  positions: 'max_position_embeddings',
};
const encoderDefaults = {
  num_hidden_layers: 4,
  hidden_size: 256,
  num_attention_heads: 4,
};
const encoderDerived: RandomFamily['derived'] = ({ hidden_size, intermediate_size }) => ({
  intermediate_size: intermediate_size ?? 4 * hidden_size!,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
});

// Dropout is 0 in all families, since random bases serve comparisons of speed and of gradients.
const families: Readonly<Record<string, RandomFamily>> = {
  bert: {
    keys: encoderKeys,
    defaults: { ...encoderDefaults, vocab_size: 30522, max_position_embeddings: 512, type_vocab_size: 2 },
    derived: encoderDerived,
    tokenizer: { folder: 'bert', repo: 'google-bert/bert-base-uncased' },
  },
  gpt2: {
    keys: {
      layers: 'n_layer',
      width: 'n_embd',
      heads: 'n_head',
      vocab: 'vocab_size',
      positions: 'n_positions',
    },
    defaults: { n_layer: 4, n_embd: 256, n_head: 4, vocab_size: 50257, n_positions: 1024 },
    derived: () => ({ resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 }),
    tokenizer: { folder: 'gpt2', repo: 'gpt2' },
  },
  llama: {
    keys: {
      layers: 'num_hidden_layers',
      width: 'hidden_size',
      heads: 'num_attention_heads',
      kvHeads: 'num_key_value_heads',
      inner: 'intermediate_size',
      vocab: 'vocab_size',
      positions: 'max_position_embeddings',
    },
    defaults: {
      num_hidden_layers: 4,
      hidden_size: 256,
      num_attention_heads: 4,
      vocab_size: 32000,
      max_position_embeddings: 2048,
    },
    // The three matrices of SwiGLU then have about as many numbers as two of inner width 4 d.
    derived: ({ hidden_size, intermediate_size }) => ({
      intermediate_size: intermediate_size ?? 32 * Math.ceil((8 * hidden_size!) / 96),
    }),
    tokenizer: { folder: 'llama2', repo: 'TinyLlama/TinyLlama-1.1B-Chat-v1.0' },
  },
  roberta: {
    keys: encoderKeys,
    defaults: { ...encoderDefaults, vocab_size: 50265, max_position_embeddings: 514, type_vocab_size: 1 },
    derived: encoderDerived,
    tokenizer: { folder: 'roberta', repo: 'FacebookAI/roberta-base' },
  },
  t5: {
    keys: { layers: 'num_layers', width: 'd_model', heads: 'num_heads', inner: 'd_ff', vocab: 'vocab_size' },
    defaults: { num_layers: 4, d_model: 256, num_heads: 4, vocab_size: 32128 },
    derived: ({ d_model, num_heads, d_ff }) => ({
      d_kv: d_model! / num_heads!,
      d_ff: d_ff ?? 4 * d_model!,
      dropout_rate: 0,
    }),
    tokenizer: { folder: 't5', repo: 'google-t5/t5-small' },
  },
};

/** The most numbers that a tensor may have; they take 8 GiB. */
const largest = 2 ** 31;

/** A random base; `tensor` computes the initial values of a tensor when it is called. */
export interface RandomBase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly architecture: Architecture;
  readonly hash: string;
  readonly tokenizer: TokenizerSource;
  tensor(name: string): Float32Array;
}

/**
 * Makes a base of random weights from its name,
 * `random-gpt2~layers=4,width=256,heads=4,vocab=…,positions=…,seed=…`; `more` adds fields to its config.json.
 * Throws UsageError if the name is not valid.
 */
export function randomBase(id: string, more: Readonly<Record<string, unknown>> = {}): RandomBase {
  const [name = '', ...settings] = id.slice('random-'.length).split(/[~,]/);
  const family = Object.hasOwn(families, name) ? families[name]! : undefined;
  if (!family) {
    const known = Object.keys(families).map((each) => `random-${each}`);
    throw new UsageError(
      `There is no random base "random-${name}".${didYouMean(`random-${name}`, known)} There are ${known.join(', ')}.`,
    );
  }
  const keys: Record<string, string> = { ...family.keys, seed: 'seed' };
  const given: Record<string, number> = { ...family.defaults };
  let seed = 0;
  for (const setting of settings) {
    const [key = '', value = ''] = setting.split('=');
    const field = Object.hasOwn(keys, key) ? keys[key]! : undefined;
    if (!field) {
      throw new UsageError(
        `"${id}": a random base has no setting "${key}".${didYouMean(key, Object.keys(keys))} ` +
          `It has ${Object.keys(keys).join(', ')}.`,
      );
    }
    if (!/^\d+$/.test(value)) throw new UsageError(`"${id}": ${key} must be a whole number, not "${value}".`);
    if (field === 'seed') seed = Number(value);
    else given[field] = Number(value);
  }
  const full: Record<string, unknown> = { ...given, model_type: name, ...family.derived?.(given), ...more };
  const architecture = describeArchitecture(full, `"${id}"`);
  return {
    config: full,
    architecture,
    hash: createHash('sha256')
      .update(`random ${JSON.stringify(full)} ${seed}`)
      .digest('hex'),
    tokenizer: family.tokenizer,
    tensor(name) {
      const pooler = architecture.kind === 'encoder' ? architecture.pooler : undefined;
      const size = sizeOf(architecture.shapes[name] ?? pooler![name]!);
      if (size > largest) {
        throw new UsageError(
          `"${id}": ${name} would have ${size.toLocaleString('en')} numbers, more than can be made.`,
        );
      }
      const initial = architecture.initial(name);
      return initial.kind === 'constant'
        ? new Float32Array(size).fill(initial.value)
        : randomStream(seed, name).normal(size, 0, initial.deviation);
    },
  };
}
