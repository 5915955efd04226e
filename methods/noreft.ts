/**
 * NoReFT (Wu et al. 2024), an ablation of LoReFT: without orthonormality, h → h + (W h + b − (P h + Pb)) P
 * with P [r, d]. See shared/reft.ts.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'noreft',
  label: 'NoReFT',
  formula: 'h → h + W_2ᵀ (W_1 h + b − W_2 h − b_2)',
  source: 'linear',
  subtracts: true,
  directions: 'free',
});
