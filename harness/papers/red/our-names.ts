/**
 * What the RED paper's tables name, as it is called here: bases on the hub, the built-in bases that rehearse
 * them, and methods. `reproduce` plans its runs by these; the tables keep the paper's own names.
 */

/** Hub ids of the paper's bases, where they differ from the paper's name. */
export const hubIds: Readonly<Record<string, string>> = { 'llama-2-7b': 'meta-llama/Llama-2-7b-hf' };

/** The built-in base that rehearses each base of the paper (`--scale mini`). */
export const rehearsalBases: Readonly<Record<string, string>> = {
  'gpt2-medium': 'gpt2-mini',
  'gpt2-large': 'gpt2-mini',
  'roberta-base': 'roberta-mini',
  'roberta-large': 'roberta-mini',
  't5-base': 't5-mini',
  'llama-2-7b': 'llama-mini',
};

/**
 * Variants of the tables' methods; OpenDelta's Adapter has the printed number of parameters only with the
 * base's norms.
 */
export const ourVariants: Readonly<Record<string, string>> = {
  adapter: 'adapter~layer-norms',
  'adapter~rank=1': 'adapter~bottleneck=1~layer-norms',
  'adapter-ffn~rank=1': 'adapter-ffn~bottleneck=1',
};
