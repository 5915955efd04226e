/** The sites and the tensors of an encoder-decoder family, in the order of its forward pass. */
import { type BlockRole, SiteList } from '../parts/site-list.ts';
import {
  blockName,
  type EncoderDecoderParts,
  type StackName,
  type StackParts,
  type SublayerNames,
} from './parts.ts';

/** Lists the sites and tensors that the parts describe; `ownHead` says that the output has a weight of its own. */
export function describeModules(parts: EncoderDecoderParts, ownHead: boolean): SiteList {
  const list = new SiteList({ width: parts.width, transposed: true });
  for (const stack of ['encoder', 'decoder'] as const) addStack(list, parts, stack);
  const shared = ownHead ? {} : { shared: parts.embedding };
  list.head({ layer: parts.decoder.layers, outputs: parts.vocabulary, ...shared });
  return list;
}

function addStack(list: SiteList, parts: EncoderDecoderParts, stack: StackName): void {
  const { place, norm } = parts;
  const own = parts[stack];
  const bias = norm.kind === 'layer';
  const at = { stack, layer: -1 } as const;
  const words = { role: 'wordEmbedding', name: own.words, rows: parts.vocabulary } as const;
  list.embedding({ ...at, ...words, shared: parts.embedding });
  if (place.kind === 'learned')
    list.embedding({ ...at, role: 'positionEmbedding', name: own.positions, rows: place.rows });
  if (own.embeddingNorm !== undefined)
    list.norm({ ...at, role: 'embeddingNorm', name: own.embeddingNorm, bias });
  for (let layer = 0; layer < own.layers; layer++) addBlock(list, parts, stack, layer);
  if (own.finalNorm !== undefined)
    list.norm({ stack, layer: own.layers, role: 'finalNorm', name: own.finalNorm, bias });
}

function addBlock(list: SiteList, parts: EncoderDecoderParts, stack: StackName, layer: number): void {
  const own = parts[stack];
  const block = blockName(own, layer);
  addAttention(list, parts, { stack, layer, attention: 'self' }, own.self);
  if (layer === 0 && parts.place.kind === 'relative')
    list.shapes[`${own.positions}.weight`] = [parts.place.buckets, own.heads];
  if (own.cross) addAttention(list, parts, { stack, layer, attention: 'cross' }, own.cross);
  addMlp(list, parts, { stack, layer }, own);
  list.output('block', { stack, layer, role: 'block', name: block });
}

type At = Pick<Parameters<SiteList['norm']>[0], 'stack' | 'layer' | 'attention'>;

/** Adds a sublayer's modules, its norm before or behind them. */
function addSublayer(
  list: SiteList,
  parts: EncoderDecoderParts,
  at: At,
  names: SublayerNames,
  role: 'attention' | 'mlp',
  linears: readonly (readonly [BlockRole, number, number])[],
): void {
  const { order, bias, norm } = parts;
  const block = blockName(parts[at.stack], at.layer);
  const addNorm = (): void => {
    const name = `${block}.${names.norm}`;
    list.norm({ ...at, role: `${role}Norm`, name, bias: norm.kind === 'layer' });
  };
  if (order === 'pre') addNorm();
  for (const [linear, inputs, outputs] of linears) {
    const module = names.modules[linear];
    if (module === undefined) continue;
    list.linear({ ...at, role: linear, name: `${block}.${module}`, inputs, outputs, bias });
  }
  list.output('sublayer', { ...at, role, name: `${block}.${names.name}` });
  if (order === 'post') addNorm();
}

function addAttention(list: SiteList, parts: EncoderDecoderParts, at: At, names: SublayerNames): void {
  const { heads, headWidth } = parts[at.stack];
  const [d, width] = [parts.width, heads * headWidth];
  addSublayer(list, parts, at, names, 'attention', [
    ['query', d, width],
    ['key', d, width],
    ['value', d, width],
    ['attentionOutput', width, d],
  ]);
}

function addMlp(list: SiteList, parts: EncoderDecoderParts, at: At, { mlp, inner }: StackParts): void {
  const d = parts.width;
  addSublayer(list, parts, at, mlp, 'mlp', [
    ['mlpGate', d, inner],
    ['mlpUp', d, inner],
    ['mlpOutput', inner, d],
  ]);
}
