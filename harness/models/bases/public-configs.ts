/**
 * The parts of public bases' config.json that sizes depend on. Parameters of the papers' bases are counted
 * from them without the hub.
 */

const gpt2 = (n_layer: number, n_embd: number, n_head: number): Record<string, unknown> => ({
  model_type: 'gpt2',
  vocab_size: 50257,
  n_positions: 1024,
  n_layer,
  n_embd,
  n_head,
});

const t5 = (num_layers: number, d_model: number, num_heads: number): Record<string, unknown> => ({
  model_type: 't5',
  vocab_size: 32128,
  num_layers,
  d_model,
  d_kv: 64,
  d_ff: 4 * d_model,
  num_heads,
});

const roberta = (num_hidden_layers: number, hidden_size: number): Record<string, unknown> => ({
  model_type: 'roberta',
  vocab_size: 50265,
  max_position_embeddings: 514,
  type_vocab_size: 1,
  pad_token_id: 1,
  layer_norm_eps: 1e-5,
  num_hidden_layers,
  hidden_size,
  num_attention_heads: hidden_size / 64,
  intermediate_size: 4 * hidden_size,
});

/** The published sizes of the papers' bases, by hub id. */
export const publicConfigs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gpt2: gpt2(12, 768, 12),
  'gpt2-medium': gpt2(24, 1024, 16),
  'gpt2-large': gpt2(36, 1280, 20),
  'gpt2-xl': gpt2(48, 1600, 25),
  'meta-llama/Llama-2-7b-hf': {
    model_type: 'llama',
    vocab_size: 32000,
    max_position_embeddings: 4096,
    num_hidden_layers: 32,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  },
  'roberta-base': roberta(12, 768),
  'roberta-large': roberta(24, 1024),
  't5-small': t5(6, 512, 8),
  't5-base': t5(12, 768, 12),
};
