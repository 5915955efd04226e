import { describeDecoder } from './model.ts';

const lastLinear = { self_attn: 'o_proj', mlp: 'down_proj' };

describeDecoder('llama-tiny', {
  lastLinear,
  lacks: ['bitfit', 'lora-rslora', 'red-pp'],
  // Keys are rotated after their bias is added, so that it matters; but the last pair of a head hardly turns.
  isNoise: (name, index) => name.endsWith('k_proj.added.bias') && index % 4 === 3,
});
describeDecoder('llama-tied-tiny', {
  lastLinear,
  lacks: ['bitfit', 'lora-rslora', 'red-pp', 'adapter-ln', 'prefix-projection', 'ptuning'],
});
