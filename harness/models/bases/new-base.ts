/**
 * Makes the bases that pretraining starts from: random weights, a complete config.json and a tokenizer of
 * their own.
 */
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { randomBase } from './random-base.ts';
import { baseModel, type BaseModel } from '../base-model.ts';

/** The parts of a new base. */
export interface NewBase {
  readonly family: NewFamily;
  /** Sizes as in a random base's name: `layers=4,width=192,…`. */
  readonly settings: string;
  readonly tokenizer: Tokenizer;
  /** Tokens of the longest text. */
  readonly length: number;
  readonly seed: number;
}

/**
 * Makes a base with the initial weights of transformers and a complete config.json. Throws UsageError if a
 * setting does not exist.
 */
export function newBase({ family, settings, tokenizer, length, seed }: NewBase): BaseModel {
  const ids = specialIds(family, tokenizer);
  // Learned positions beyond the longest text would stay untrained, so the base has none unless they are
  // asked for.
  const offset = family === 'roberta' ? ids.pad_token_id! + 1 : 0;
  const learnt = family !== 't5' && family !== 'llama' && !/(^|,)positions=/.test(settings);
  const all = [
    ...(settings ? [settings] : []),
    `vocab=${tokenizer.vocabSize}`,
    ...(learnt ? [`positions=${length + offset}`] : []),
    `seed=${seed}`,
  ];
  const id = `random-${family}~${all.join(',')}`;
  const { config, architecture, hash, tensor } = randomBase(id, { ...fixed[family], ...ids });
  return baseModel({
    id,
    config,
    architecture,
    tensor: (name) => Promise.resolve(tensor(name)),
    tokenizer: () => Promise.resolve(tokenizer),
    hash: () => Promise.resolve(hash),
  });
}

const encoder = {
  hidden_act: 'gelu',
  initializer_range: 0.02,
  position_embedding_type: 'absolute',
};

/** The fields of config.json that are no sizes, with transformers' defaults. */
const fixed = {
  gpt2: {
    architectures: ['GPT2LMHeadModel'],
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    initializer_range: 0.02,
    tie_word_embeddings: true,
  },
  llama: {
    architectures: ['LlamaForCausalLM'],
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    initializer_range: 0.02,
    rope_theta: 10_000,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    tie_word_embeddings: true,
  },
  roberta: { architectures: ['RobertaForMaskedLM'], ...encoder, layer_norm_eps: 1e-5 },
  bert: { architectures: ['BertForMaskedLM'], ...encoder, layer_norm_eps: 1e-12 },
  t5: {
    architectures: ['T5ForConditionalGeneration'],
    feed_forward_proj: 'relu',
    is_encoder_decoder: true,
    layer_norm_epsilon: 1e-6,
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    tie_word_embeddings: true,
  },
} as const;

/** A family that pretraining can begin. */
export type NewFamily = keyof typeof fixed;
/** The families that pretraining can begin. */
export const newFamilies = Object.keys(fixed).sort() as NewFamily[];

function specialIds(family: NewFamily, { bosId, eosId, padId, tokenId }: Tokenizer): Record<string, number> {
  const ids: Record<string, number | undefined> = {
    gpt2: { bos_token_id: bosId, eos_token_id: eosId },
    llama: { bos_token_id: bosId, eos_token_id: eosId, pad_token_id: padId },
    roberta: { bos_token_id: bosId, pad_token_id: padId ?? 1, eos_token_id: eosId },
    bert: { pad_token_id: padId ?? tokenId('[PAD]') },
    t5: { pad_token_id: padId ?? 0, eos_token_id: eosId, decoder_start_token_id: padId ?? 0 },
  }[family];
  return Object.fromEntries(
    Object.entries(ids).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
