import { z } from 'zod';
import {
  defineMethod,
  layerNorm as normalize,
  type Site,
  type Tensor,
  type Tensors,
  type TensorSpec,
  type Values,
} from '../harness/method.ts';

const roles = {
  ffn: ['mlpOutput'],
  attn: ['attentionOutput'],
  'ffn+attn': ['mlpOutput', 'attentionOutput'],
  block: ['block'],
  all: ['query', 'key', 'value', 'queryKeyValue', 'attentionOutput', 'mlpOutput'],
} as const;

/**
 * RED, representation editing: h → s ⊙ h + b on the output of a sublayer's last linear, before dropout and residual.
 * Position `block` edits what leaves a block, after the residual; `all` is the authors' RED++.
 */
export default defineMethod({
  name: 'red',
  label: 'RED',
  paper: 'Wu et al. 2024, arXiv:2402.15179',
  formula: 'h → l_scaling ⊙ h + l_bias',
  options: z.strictObject({
    position: z
      .enum(['ffn', 'attn', 'ffn+attn', 'block', 'all'])
      .default('ffn')
      .describe(
        'after the feed-forward or attention sublayer, the block, or all linears but the first of the MLP',
      ),
    scaling: z.boolean().default(true).describe('train the scaling vector s, which starts at 1'),
    bias: z.boolean().default(true).describe('train the bias vector b, which starts at 0'),
    layerNorm: z
      .boolean()
      .default(false)
      .describe('train a layer normalisation of the edited output as well, which cannot be merged'),
    layers: z.array(z.int().min(0)).optional().describe('layers to edit; all where absent'),
  }),
  // Those of the paper's Tables 6 and 7.
  ablations: {
    'no-scaling': { scaling: false },
    'no-bias': { bias: false },
    'position=attn': { position: 'attn' },
    'position=ffn+attn': { position: 'ffn+attn' },
  },
  defaults: { learningRate: 6e-2 },
  attach(base, { position, scaling, bias, layerNorm, layers }) {
    if (!scaling && !bias) throw new RangeError('RED without scaling and without bias trains nothing');
    const wanted = (site: Site): boolean =>
      (roles[position] as readonly string[]).includes(site.role) && (!layers || layers.includes(site.layer));
    const sites = base.sites.filter(wanted);
    if (sites.length === 0) throw new RangeError(`${base.id} has no layers ${layers?.join(', ')} to edit`);
    const s = (site: Site): string => `${site.name}.red.scaling`;
    const b = (site: Site): string => `${site.name}.red.bias`;
    const ln = (site: Site, part: 'weight' | 'bias'): string => `${site.name}.red.ln.${part}`;
    const vector = ({ outputs }: Site, start: number): TensorSpec => ({
      shape: [outputs],
      init: () => new Float32Array(outputs).fill(start),
    });
    const specs = (site: Site): [string, TensorSpec][] => [
      ...(scaling ? [[s(site), vector(site, 1)] as [string, TensorSpec]] : []),
      ...(bias ? [[b(site), vector(site, 0)] as [string, TensorSpec]] : []),
      ...(layerNorm
        ? [
            [ln(site, 'weight'), vector(site, 1)] as [string, TensorSpec],
            [ln(site, 'bias'), vector(site, 0)] as [string, TensorSpec],
          ]
        : []),
    ];
    const edit = (x: Tensors, h: Tensor, site: Site): Tensor => {
      const scaled = scaling ? h.mul(x[s(site)]!) : h;
      const edited = bias ? scaled.add(x[b(site)]!) : scaled;
      // torch's LayerNorm.
      return layerNorm ? normalize(edited, x[ln(site, 'weight')]!, x[ln(site, 'bias')]!, 1e-5) : edited;
    };
    return {
      trained: Object.fromEntries(sites.flatMap(specs)),
      edits: (x) => ({
        linear: (site) => (wanted(site) ? { output: (y) => edit(x, y, site) } : undefined),
        block: (h, site) => (wanted(site) ? edit(x, h, site) : h),
      }),
      ...(!layerNorm && {
        merge: (x: Values) => (site: Site) =>
          wanted(site)
            ? [{ ...(scaling && { scale: x[s(site)]! }), ...(bias && { shift: x[b(site)]! }) }]
            : [],
      }),
    };
  },
});
