/** Makes the architecture of an encoder-decoder family from its parts. */
import { type Architecture, ownHeadName } from '../../architecture.ts';
import { describeModules } from './modules.ts';
import type { EncoderDecoderParts } from './parts.ts';
import { stacksOf } from './stacks.ts';

/** The architecture; `ownHead` says whether the output has a weight of its own. */
export function encoderDecoderFamily(parts: EncoderDecoderParts, ownHead: boolean): Architecture {
  const { family, root, embedding, encoder, decoder, order, outputBias, outputScale, classifierRoot } = parts;
  const list = describeModules(parts, ownHead);
  const find = list.finder();
  const bare = (name: string): string => (name.startsWith(root) ? name.slice(root.length) : name);
  const tables = [encoder, decoder].map(({ words }) => `${words}.weight`);
  return {
    family,
    kind: 'encoder-decoder',
    sites: list.sites,
    shapes: list.shapes,
    layers: decoder.layers,
    heads: decoder.heads,
    kvHeads: decoder.heads,
    width: parts.width,
    headWidth: decoder.headWidth,
    vocabulary: parts.vocabulary,
    positions: parts.positions,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: true,
    ...(outputBias !== undefined && { outputBias }),
    ...(outputScale !== undefined && { outputScale }),
    startToken: parts.startToken,
    endToken: parts.endToken,
    transposed: true,
    ...(order === 'post' && {
      blockNorm: ({ name, stack }) => find(`${name}.${parts[stack].mlp.norm}`),
    }),
    initial: parts.initial,
    aliases(name) {
      const names = name === embedding ? [name, ...tables] : [name];
      const ofClassifier = classifierRoot === undefined ? [] : names.map((each) => classifierRoot + each);
      const others = [...names, ...names.map(bare), ...ofClassifier].filter((other) => other !== name);
      return [...new Set([...others, ...(name === embedding && !ownHead ? [ownHeadName] : [])])];
    },
    isBuffer: parts.isBuffer,
    isOtherHead: (name) => /^(classification_head|qa_outputs)\./.test(name),
    classifier: {
      ...parts.classifier,
      pooling: 'end',
      dense: 'classification_head.dense',
      denseBias: true,
      isPooler: false,
      activation: 'tanh',
      output: 'classification_head.out_proj',
      dropsInput: true,
    },
    ...(classifierRoot !== undefined && { classifierRoot }),
    deviation: parts.deviation,
    ...stacksOf(parts, find),
  };
}
