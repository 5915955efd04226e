const gpt2 = (n_layer: number, n_embd: number, n_head: number): Record<string, unknown> => ({
  model_type: 'gpt2',
  vocab_size: 50257,
  n_positions: 1024,
  n_layer,
  n_embd,
  n_head,
});

/** Published sizes of the papers' bases, so that parameters can be counted without the hub. */
export const publicConfigs: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gpt2: gpt2(12, 768, 12),
  'gpt2-medium': gpt2(24, 1024, 16),
  'gpt2-large': gpt2(36, 1280, 20),
  'gpt2-xl': gpt2(48, 1600, 25),
};
