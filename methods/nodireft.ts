/**
 * NodiReFT (Wu et al. 2024), an ablation of DiReFT: without orthonormality, h → h + (W h + b) P with P [r,
 * d]. See shared/reft.ts.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'nodireft',
  label: 'NodiReFT',
  formula: 'h → h + W_2ᵀ (W_1 h + b)',
  source: 'linear',
  subtracts: false,
  directions: 'free',
});
