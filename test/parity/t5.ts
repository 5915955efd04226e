// Settings of the parity tests of T5 1.0 and 1.1.
/** Settings that T5 1.0 and 1.1 share; each has its own test file, since the tests take long. */
export const t5 = {
  lastLinear: { SelfAttention: 'o', EncDecAttention: 'o', DenseReluDense: 'wo' },
  // peft makes a table for both stacks and gives the encoder the first half.
  doubled: ['prompt', 'ptuning'],
  // Softmax cancels key biases.
  isNoise: (name: string) => name.endsWith('.k.added.bias'),
  lacks: ['bitfit', 'lora-rslora', 'red-pp'],
};
