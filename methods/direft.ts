import { defineReft } from './loreft.ts';

/** DiReFT, direct ReFT: h → h + (W h + b) Rᵀ with orthonormal columns R. */
export default defineReft({
  name: 'direft',
  label: 'DiReFT',
  formula: 'h → h + Rᵀ (W h + b), R Rᵀ = I',
  source: 'linear',
  subtracts: false,
  directions: 'orthonormal',
});
