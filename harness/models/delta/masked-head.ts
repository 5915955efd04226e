/** The head that predicts masked tokens while an encoder is pretrained. */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { EncoderConfig } from '../families/bert-like.ts';
import type { TensorSpec } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/**
 * A head that predicts tokens as Hugging Face's …ForMaskedLM does: Linear(d, d), GELU, norm, and the product
 * with the embeddings plus a bias.
 */
export interface MaskedHead {
  readonly tensors: Readonly<Record<string, TensorSpec>>;
  /**
   * Gives for states [M, d] the features [M, d + 1], and the output weight [V, d + 1], whose last column is
   * the bias.
   */
  apply(hidden: Tensor, weight: (name: string) => Tensor): [features: Tensor, table: Tensor];
}

const names = {
  roberta: { dense: 'lm_head.dense', norm: 'lm_head.layer_norm', bias: 'lm_head.bias' },
  bert: {
    dense: 'cls.predictions.transform.dense',
    norm: 'cls.predictions.transform.LayerNorm',
    bias: 'cls.predictions.bias',
  },
};

/** Makes the masked-language-model head of an encoder; throws RangeError for another base. */
export function maskedHead({ family, id, architecture, config }: BaseModel): MaskedHead {
  if (architecture.kind !== 'encoder' || (family !== 'roberta' && family !== 'bert')) {
    throw new RangeError(`${id} is no encoder, so that no masked head fits on it`);
  }
  const { width: d, vocabulary, deviation, embedding } = architecture;
  const { dense, norm, bias } = names[family];
  const epsilon = (config as Partial<EncoderConfig>).layer_norm_eps ?? (family === 'bert' ? 1e-12 : 1e-5);
  const constant = (size: number, value: number): TensorSpec => ({
    shape: [size],
    init: () => new Float32Array(size).fill(value),
  });
  return {
    tensors: {
      [`${dense}.weight`]: { shape: [d, d], init: (random) => random.normal(d * d, 0, deviation) },
      [`${dense}.bias`]: constant(d, 0),
      [`${norm}.weight`]: constant(d, 1),
      [`${norm}.bias`]: constant(d, 0),
      [bias]: constant(vocabulary, 0),
    },
    apply(hidden, weight) {
      const inner = ops.gelu(ops.linear(hidden, weight(`${dense}.weight`), weight(`${dense}.bias`), true));
      const normal = ops.layerNorm(inner, weight(`${norm}.weight`), weight(`${norm}.bias`), epsilon);
      return [
        ops.concat([normal, ops.ones([normal.shape[0], 1])], 1),
        ops.concat([weight(embedding), weight(bias).reshape([vocabulary, 1])], 1),
      ];
    },
  };
}
