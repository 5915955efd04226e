/**
 * LoReFT, low-rank linear subspace ReFT (Wu et al. 2024): h → h + (W h + b − Rᵀh) Rᵀ with orthonormal columns
 * R [d, r], on block outputs at the first and the last tokens of the prompt alone. See shared/reft.ts. Few
 * parameters and strong where the prompt decides the answer; it neither merges nor edits generated tokens.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'loreft',
  label: 'LoReFT',
  formula: 'h → h + Rᵀ (W h + b − R h), R Rᵀ = I',
  source: 'linear',
  subtracts: true,
  directions: 'orthonormal',
});
