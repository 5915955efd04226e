/** The sites and the tensors of an encoder family, in the order of its forward pass; shared blocks stand once. */
import { type BlockRole, SiteList } from '../parts/site-list.ts';
import { type EncoderParts, inBlock } from './parts.ts';

/** Lists the sites and tensors that the parts describe; a pretrained pooler is a site without tensors here. */
export function describeModules(parts: EncoderParts): SiteList {
  const { width: d, blocks, order, norm, classifier } = parts;
  const list = new SiteList({ width: d, transposed: true });
  addEmbeddings(list, parts);
  const distinct = [...new Set(blocks)];
  distinct.forEach((block, layer) => {
    addBlock(list, parts, block, layer);
  });
  const end = { stack: 'encoder', layer: distinct.length } as const;
  if (order !== 'post') list.norm({ ...end, role: 'finalNorm', name: order.finalNorm, bias: norm.bias });
  const { dense, isPooler } = classifier;
  if (isPooler)
    list.sites.push({
      ...end,
      kind: 'linear',
      role: 'pooler',
      name: dense,
      inputs: d,
      outputs: d,
      bias: true,
    });
  return list;
}

function addEmbeddings(
  list: SiteList,
  { embedding, vocabulary, norm, attention, width }: EncoderParts,
): void {
  const { positions, tokenTypes, projection } = embedding;
  const at = { stack: 'encoder', layer: -1 } as const;
  const outputs = embedding.width;
  list.embedding({ ...at, role: 'wordEmbedding', name: embedding.words, rows: vocabulary }, outputs);
  for (const [role, table] of [
    ['positionEmbedding', positions],
    ['tokenTypeEmbedding', tokenTypes],
  ] as const) {
    if (table) list.embedding({ ...at, role, name: table.name, rows: table.rows }, outputs);
  }
  const project = (): void => {
    const { name, bias } = projection!;
    list.linear({ ...at, role: 'embeddingProjection', name, inputs: outputs, outputs: width, bias });
  };
  if (projection?.place === 'before norm') project();
  const normed = projection?.place === 'before norm' ? width : outputs;
  list.norm({ ...at, role: 'embeddingNorm', name: embedding.norm, bias: norm.bias }, normed);
  if (projection?.place === 'behind norm') project();
  const { relative } = attention;
  if (!relative) return;
  list.shapes[relative.table] = [2 * relative.span, width];
  if (relative.norm) list.norm({ ...at, role: 'relativeNorm', name: relative.norm, bias: norm.bias });
}

/** Adds the modules of a block that the family has. */
function addBlock(list: SiteList, parts: EncoderParts, block: string, layer: number): void {
  const { width: d, inner, biases, order, firstUnnormed, attention } = parts;
  const { modules, attention: attentionName, mlp } = parts.block;
  const at = { stack: 'encoder', layer } as const;
  const linear = (role: BlockRole, inputs: number, outputs: number, bias: boolean): void => {
    const module = modules[role];
    if (module !== undefined)
      list.linear({ ...at, role, name: inBlock(block, module), inputs, outputs, bias });
  };
  const norm = (role: 'attentionNorm' | 'mlpNorm'): void => {
    list.norm({ ...at, role, name: inBlock(block, modules[role]!), bias: parts.norm.bias });
  };
  const isPost = order === 'post';
  if (!isPost && !(firstUnnormed && layer === 0)) norm('attentionNorm');
  linear('query', d, d, biases.attention);
  linear('key', d, d, biases.attention);
  linear('value', d, d, biases.attention);
  linear('queryKeyValue', d, 3 * d, biases.attention);
  for (const [role, module] of [
    ['positionKey', attention.relative?.key],
    ['positionQuery', attention.relative?.query],
  ] as const) {
    if (module === undefined || module === modules.key || module === modules.query) continue;
    list.linear({ ...at, role, name: inBlock(block, module), inputs: d, outputs: d, bias: biases.attention });
  }
  linear('attentionOutput', d, d, biases.attention);
  list.output('sublayer', {
    ...at,
    role: 'attention',
    attention: 'self',
    name: inBlock(block, attentionName),
  });
  if (isPost) norm('attentionNorm');
  else norm('mlpNorm');
  linear('mlpUp', d, inner, biases.mlp);
  linear('mlpGateUp', d, 2 * inner, biases.mlp);
  linear('mlpOutput', inner, d, biases.mlp);
  list.output('sublayer', { ...at, role: 'mlp', name: inBlock(block, mlp) });
  if (isPost) norm('mlpNorm');
  list.output('block', { ...at, role: 'block', name: block });
}
