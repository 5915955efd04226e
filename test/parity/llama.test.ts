// Compares tiny Llamas and their methods with transformers, peft and formulas in torch (see model.ts).
import { describeDecoder } from './model.ts';

const lastLinear = { self_attn: 'o_proj', mlp: 'down_proj' };

describeDecoder('llama-tiny', {
  lastLinear,
  lacks: ['bitfit', 'lora-rslora', 'red-pp'],
  // Rotation follows the key bias, so it has a gradient, except in the last pair of a head, which hardly
  // turns.
  isNoise: (name, index) => name.endsWith('k_proj.added.bias') && index % 4 === 3,
});
describeDecoder('llama-tied-tiny', {
  lastLinear,
  lacks: ['bitfit', 'lora-rslora', 'red-pp', 'adapter-ln', 'prefix-projection', 'ptuning'],
});
