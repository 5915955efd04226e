import { defineReft } from './loreft.ts';

/** NoReFT, LoReFT without orthonormality: h → h + (W h + b − (P h + Pb)) P. */
export default defineReft({
  name: 'noreft',
  label: 'NoReFT',
  formula: 'h → h + W_2ᵀ (W_1 h + b − W_2 h − b_2)',
  source: 'linear',
  subtracts: true,
  directions: 'free',
});
