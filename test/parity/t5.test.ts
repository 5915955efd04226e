import { describeDecoder } from './model.ts';

const parity = {
  lastLinear: { SelfAttention: 'o', EncDecAttention: 'o', DenseReluDense: 'wo' },
  // peft makes a table for both stacks and gives the encoder the first half.
  doubled: ['prompt', 'ptuning'],
  // Softmax cancels biases of keys.
  isNoise: (name: string) => name.endsWith('.k.added.bias'),
};
const lacks = ['bitfit', 'lora-rslora', 'red-pp'];

describeDecoder('t5-tiny', { ...parity, lacks });
describeDecoder('t5v11-tiny', { ...parity, lacks: [...lacks, 'adapter-ln', 'prefix-projection', 'ptuning'] });
