/** Makes the architecture of a decoder-only family from its parts. */
import { type Architecture, ownHeadName, scoreName } from '../../architecture.ts';
import { describeModules } from './modules.ts';
import type { DecoderParts } from './parts.ts';
import { DecoderStack } from './stack.ts';

/** The architecture; `ownHead` says whether the output has a weight of its own. */
export function decoderFamily(parts: DecoderParts, ownHead = !parts.tied): Architecture {
  const { family, layers, heads, kvHeads, width, headWidth, vocabulary, positions, transposed } = parts;
  const { names, norm, logitCap, biasSetting, isBuffer } = parts;
  const { sites, shapes } = describeModules(parts, ownHead);
  const embedding = `${names.embedding}.weight`;
  const stack = new DecoderStack(parts, sites);
  const norms = new Set(sites.filter(({ kind }) => kind === 'norm').map(({ name }) => `${name}.weight`));
  const one = 1 - ((norm.kind === 'rms' ? norm.offset : undefined) ?? 0);
  const headNames = [ownHeadName, ...(parts.headAliases ?? [])];
  return {
    family,
    kind: 'decoder',
    classifier: parts.classifier,
    sites,
    shapes,
    layers,
    heads,
    kvHeads,
    width,
    headWidth,
    vocabulary,
    positions,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: parts.tied,
    ...(logitCap && { logitCap }),
    transposed,
    ...(biasSetting && { biasSetting }),
    initial(name) {
      if (norms.has(name)) return { kind: 'constant', value: one };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      return { kind: 'normal', deviation: parts.deviation * (parts.deviationOf?.(name) ?? 1) };
    },
    aliases(name) {
      if (name === ownHeadName) return headNames.slice(1);
      const bare = name.startsWith(names.root) ? name.slice(names.root.length) : name;
      return [bare, ...(name === embedding && !ownHead ? headNames : [])];
    },
    isOtherHead: (name) => name === scoreName,
    isBuffer: isBuffer ?? ((name) => name.endsWith('rotary_emb.inv_freq')),
    decode: (model, batch) => stack.decode(model, batch),
  };
}
