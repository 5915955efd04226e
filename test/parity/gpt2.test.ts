import { describeDecoder } from './model.ts';

describeDecoder('gpt2-tiny', {
  lastLinear: { attn: 'c_proj', mlp: 'c_proj' },
  // It has every bias.
  lacks: ['bitfit-added'],
  // Softmax cancels the key biases.
  isNoise: (name, index, length) =>
    /c_attn(\.red)?\.bias$/.test(name) && index >= length / 3 && index < (2 * length) / 3,
});
