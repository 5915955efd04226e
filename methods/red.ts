/**
 * RED, representation editing (Wu et al. 2024): h → s ⊙ h + b on a sublayer's output, one scaling and one
 * bias vector for each edited module, and nothing else. It trains the fewest parameters of the methods here
 * that act in every layer (49,152 on GPT-2 medium) and merges into the base. Take it where parameters are
 * scarce; it has no rank to choose, and wants a high learning rate.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editOutputs,
  layerList,
  layerNorm as normalize,
  mergeAt,
  type Site,
  sitesInLayers,
  tensorsAt,
  type Values,
} from '../harness/method.ts';

/** The roles of the modules whose outputs each position edits; `all` is the authors' RED++. */
const roles: Readonly<Record<string, readonly Site['role'][]>> = {
  ffn: ['mlpOutput'],
  attn: ['attentionOutput'],
  'ffn+attn': ['mlpOutput', 'attentionOutput'],
  block: ['block'],
  all: ['query', 'key', 'value', 'queryKeyValue', 'attentionOutput', 'mlpOutput'],
};

export default defineMethod({
  name: 'red',
  label: 'RED',
  paper: 'Wu et al. 2024, arXiv:2402.15179',
  formula: 'h → l_scaling ⊙ h + l_bias',
  options: z.strictObject({
    position: z
      .enum(['ffn', 'attn', 'ffn+attn', 'block', 'all'])
      .default('ffn')
      .describe('after the feed-forward, the attention or the block, or all linears but the MLP’s first'),
    scaling: z.boolean().default(true).describe('train the scaling vector s, which starts at 1'),
    bias: z.boolean().default(true).describe('train the bias vector b, which starts at 0'),
    layerNorm: z
      .boolean()
      .default(false)
      .describe('normalise the edited output, too; it then cannot be merged'),
    layers: layerList,
  }),
  // Tables 6 and 7 of the paper.
  ablations: {
    'no-scaling': { scaling: false },
    'no-bias': { bias: false },
    'position=attn': { position: 'attn' },
    'position=ffn+attn': { position: 'ffn+attn' },
  },
  defaults: { learningRate: 6e-2 },
  attach(base, { position, scaling, bias, layerNorm, layers }) {
    if (!scaling && !bias) throw new RangeError('RED without scaling and without bias trains nothing');
    const sites = sitesInLayers(base, layers, ({ role }) => roles[position]!.includes(role));
    return {
      trained: tensorsAt(sites, ({ outputs }) => ({
        ...(scaling && { 'red.scaling': constantTensor([outputs], 1) }),
        ...(bias && { 'red.bias': constantTensor([outputs], 0) }),
        ...(layerNorm && { 'red.ln.weight': constantTensor([outputs], 1) }),
        ...(layerNorm && { 'red.ln.bias': constantTensor([outputs], 0) }),
      })),
      edits: (x) =>
        editOutputs(sites, x, (h, { own }) => {
          const scaled = scaling ? h.mul(own('red.scaling')) : h;
          const edited = bias ? scaled.add(own('red.bias')) : scaled;
          return layerNorm ? normalize(edited, own('red.ln.weight'), own('red.ln.bias'), 1e-5) : edited;
        }),
      ...(!layerNorm && {
        merge: (x: Values) =>
          mergeAt(sites, x, ({ own }) => ({
            ...(scaling && { scale: own('red.scaling') }),
            ...(bias && { shift: own('red.bias') }),
          })),
      }),
    };
  },
});
