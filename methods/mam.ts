/**
 * MAM adapter, mix-and-match (He et al. 2022): a short prefix in the attention and the scaled parallel adapter
 * on the feed-forward, the pair that its authors found best for a given number of parameters. The sizes are
 * those of their code for XSum: 30 virtual tokens by a network, a bottleneck of 512, s = 4 (on GLUE 16, 16, 2).
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import parallelAdapter from './parallel-adapter.ts';
import prefix from './prefix.ts';

const { virtualTokens, projection, hidden } = prefix.options.shape;
const { bottleneck, scale, dropout } = parallelAdapter.options.shape;

export default defineMethod({
  name: 'mam',
  label: 'MAM adapter',
  paper: 'He et al. 2022, arXiv:2110.04366',
  formula: 'K → [P_k; K], V → [P_v; V]; h → h + s · (W_up relu(W_down x + b_down) + b_up)',
  options: z.strictObject({
    virtualTokens: virtualTokens.default(30),
    projection: projection.default(true),
    hidden,
    bottleneck,
    scale,
    dropout,
  }),
  defaults: { learningRate: 1e-4 },
  attach(base, { bottleneck, scale, dropout, ...ofPrefix }) {
    const before = prefix.attach(base, prefix.options.parse(ofPrefix));
    const beside = parallelAdapter.attach(base, { bottleneck, scale, dropout });
    return {
      trained: { ...before.trained, ...beside.trained },
      prefixLength: ofPrefix.virtualTokens,
      edits: (x, context) => ({ ...before.edits!(x, context), ...beside.edits!(x, context) }),
    };
  },
});
