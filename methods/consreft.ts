/**
 * ConsReFT (Wu et al. 2024), an ablation of LoReFT: with a constant source, h → h + (b − Rᵀh) Rᵀ. See
 * shared/reft.ts.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'consreft',
  label: 'ConsReFT',
  formula: 'h → h + Rᵀ (b − R h), R Rᵀ = I',
  source: 'constant',
  subtracts: true,
  directions: 'orthonormal',
});
