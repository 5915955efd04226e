// Compares a tiny GPT-2 and its methods with transformers, peft and formulas in torch (see model.ts).
import { describeDecoder } from './model.ts';

describeDecoder('gpt2-tiny', {
  lastLinear: { attn: 'c_proj', mlp: 'c_proj' },
  // GPT-2 has every bias, so bitfit-added has nothing to add.
  lacks: ['bitfit-added'],
  // Softmax cancels the key biases, the middle third of c_attn's.
  isNoise: (name, index, length) =>
    /c_attn(\.red)?\.bias(\.diff|\.gate)?$/.test(name) && index >= length / 3 && index < (2 * length) / 3,
});
