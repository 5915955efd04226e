/** Makes the architecture of an encoder family from its parts. */
import type { Architecture, EncoderOnly } from '../../architecture.ts';
import { describeModules } from './modules.ts';
import { type EncoderParts, inBlock } from './parts.ts';
import { EncoderStack } from './stack.ts';

/** The architecture that the parts describe. */
export function encoderFamily(parts: EncoderParts): Architecture {
  const { family, root, width: d, heads, blocks, block, embedding, order, classifier } = parts;
  const list = describeModules(parts);
  const find = list.finder();
  const stack = new EncoderStack(parts, list.sites);
  const norms = new Set(list.sites.filter(({ kind }) => kind === 'norm').map(({ name }) => `${name}.weight`));
  const otherHead = new RegExp(`^(${root.replace('.', '\\.')})?(${parts.otherHeads.source})`);
  return {
    family,
    kind: 'encoder',
    sites: list.sites,
    shapes: list.shapes,
    ...(classifier.isPooler && {
      pooler: { [`${classifier.dense}.weight`]: [d, d], [`${classifier.dense}.bias`]: [d] },
    }),
    classifier,
    deviation: parts.deviation,
    layers: new Set(blocks).size,
    heads,
    kvHeads: heads,
    width: d,
    ...(embedding.width !== d && { embeddingWidth: embedding.width }),
    headWidth: d / heads,
    vocabulary: parts.vocabulary,
    positions: parts.positions,
    embedding: `${embedding.words}.weight`,
    transposed: true,
    ...(order === 'post' && {
      blockNorm: ({ name }) => find(inBlock(name, block.modules.mlpNorm!)),
    }),
    ...(parts.biasSetting && { biasSetting: parts.biasSetting }),
    // Hugging Face's PreTrainedModel: everything is normal but norms and biases.
    initial(name) {
      if (norms.has(name)) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      return { kind: 'normal', deviation: parts.deviation * (parts.deviationOf?.(name) ?? 1) };
    },
    // Checkpoints of bare models leave the root out; BERT's first ones call a norm's tensors gamma and beta.
    aliases(name) {
      const old = name
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta');
      return [name, old].flatMap((known) => [known, known.slice(root.length)]);
    },
    isBuffer: (name) => /(^|\.)embeddings\.position_ids$/.test(name),
    isOtherHead: (name) => otherHead.test(name),
    encode: (model, batch) => stack.encode(model, batch),
  } satisfies Architecture & EncoderOnly;
}
