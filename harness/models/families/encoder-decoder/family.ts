/** Makes the architecture of an encoder-decoder family from its parts. */
import { type Architecture, ownHeadName } from '../../architecture.ts';
import { describeModules } from './modules.ts';
import type { EncoderDecoderParts } from './parts.ts';
import { stacksOf } from './stacks.ts';

/** The architecture; `ownHead` says whether the output has a weight of its own. */
export function encoderDecoderFamily(parts: EncoderDecoderParts, ownHead: boolean): Architecture {
  const { family, root, embedding, encoder, decoder, order, outputBias, isOtherHead, classifier } = parts;
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
    startToken: parts.startToken,
    transposed: true,
    ...(order === 'post' && {
      blockNorm: ({ name, stack }) => find(`${name}.${parts[stack].mlp.norm}`),
    }),
    initial: parts.initial,
    aliases(name) {
      const names = name === embedding ? [name, ...tables] : [name];
      const others = [...names, ...names.map(bare)].filter((other) => other !== name);
      return [...new Set([...others, ...(name === embedding && !ownHead ? [ownHeadName] : [])])];
    },
    isBuffer: parts.isBuffer,
    ...(isOtherHead && { isOtherHead }),
    ...(classifier && { classifier }),
    ...stacksOf(parts, find),
  };
}
