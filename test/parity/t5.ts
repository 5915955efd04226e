/** What T5 1.0 and 1.1 have in common; a file of tests each, since they take long. */
export const t5 = {
  lastLinear: { SelfAttention: 'o', EncDecAttention: 'o', DenseReluDense: 'wo' },
  // peft makes a table for both stacks and gives the encoder the first half.
  doubled: ['prompt', 'ptuning'],
  // Softmax cancels biases of keys.
  isNoise: (name: string) => name.endsWith('.k.added.bias'),
  lacks: ['bitfit', 'lora-rslora', 'red-pp'],
};
