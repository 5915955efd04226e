/** The sites and the tensors of a decoder-only family, in the order of its forward pass. */
import { type BlockRole, SiteList } from '../parts/site-list.ts';
import { blockName, moduleName, type DecoderParts } from './parts.ts';

/** Lists the sites and tensors that the parts describe; `ownHead` says that the output has a weight of its own. */
export function describeModules(parts: DecoderParts, ownHead: boolean): SiteList {
  const { names, place, layers, width, transposed, norm, vocabulary } = parts;
  const list = new SiteList({ width, transposed, normOffset: norm.kind === 'rms' ? norm.offset : undefined });
  const table = { stack: 'decoder', layer: -1 } as const;
  list.embedding({ ...table, role: 'wordEmbedding', name: names.embedding, rows: vocabulary });
  if (place.kind === 'learned')
    list.embedding({ ...table, role: 'positionEmbedding', name: place.table, rows: place.rows });
  for (let layer = 0; layer < layers; layer++) addBlock(list, parts, layer);
  const bias = norm.kind === 'layer';
  list.norm({ stack: 'decoder', layer: layers, role: 'finalNorm', name: names.finalNorm, bias });
  list.head({ layer: layers, outputs: vocabulary, ...(!ownHead && { shared: `${names.embedding}.weight` }) });
  return list;
}

/** Adds the modules of a block that the family has. */
function addBlock(list: SiteList, parts: DecoderParts, layer: number): void {
  const { names, width: d, heads, kvHeads, headWidth, inner, biases, attention } = parts;
  const [queries, keys] = [heads * headWidth, kvHeads * headWidth];
  const at = { stack: 'decoder', layer } as const;
  const linear = (role: BlockRole, inputs: number, outputs: number, bias: boolean): void => {
    const module = names.modules[role];
    if (module === undefined) return;
    list.linear({ ...at, role, name: moduleName(parts, layer, module), inputs, outputs, bias });
  };
  const norm = (role: BlockRole, width = d): void => {
    const module = names.modules[role];
    if (module === undefined) return;
    const bias = parts.norm.kind === 'layer';
    list.norm({ ...at, role, name: moduleName(parts, layer, module), bias }, width);
  };
  const isByHead = attention.normed === 'head';
  norm('attentionNorm');
  linear('query', d, queries, biases.queryKeyValue);
  linear('key', d, keys, biases.queryKeyValue);
  linear('value', d, keys, biases.queryKeyValue);
  linear('queryKeyValue', d, queries + 2 * keys, biases.queryKeyValue);
  norm('queryNorm', isByHead ? headWidth : queries);
  norm('keyNorm', isByHead ? headWidth : keys);
  linear('attentionOutput', queries, d, biases.attentionOutput);
  list.output('sublayer', { ...at, role: 'attention', name: moduleName(parts, layer, names.attention) });
  norm('attentionOutputNorm');
  norm('mlpNorm');
  linear('mlpGate', d, inner, biases.mlp);
  linear('mlpUp', d, inner, biases.mlp);
  linear('mlpGateUp', d, 2 * inner, biases.mlp);
  linear('mlpOutput', inner, d, biases.mlp);
  list.output('sublayer', { ...at, role: 'mlp', name: moduleName(parts, layer, names.mlp) });
  norm('mlpOutputNorm');
  list.output('block', { ...at, role: 'block', name: blockName(parts, layer) });
}
