import { defineReft } from './loreft.ts';

/** NodiReFT, DiReFT without orthonormality: h → h + (W h + b) P. */
export default defineReft({
  name: 'nodireft',
  label: 'NodiReFT',
  formula: 'h → h + W_2ᵀ (W_1 h + b)',
  source: 'linear',
  subtracts: false,
  directions: 'free',
});
