/**
 * DiReFT, direct ReFT (Wu et al. 2024): h → h + (W h + b) Rᵀ with orthonormal columns R [d, r], LoReFT
 * without the difference; its authors' choice where LoReFT's cost counts. See shared/reft.ts.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'direft',
  label: 'DiReFT',
  formula: 'h → h + Rᵀ (W h + b), R Rᵀ = I',
  source: 'linear',
  subtracts: false,
  directions: 'orthonormal',
});
