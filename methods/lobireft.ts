/**
 * LobiReFT (Wu et al. 2024), an ablation of DiReFT: a low-rank bias alone, h → h + b Rᵀ. See shared/reft.ts.
 */
import { defineReft } from './shared/reft.ts';

export default defineReft({
  name: 'lobireft',
  label: 'LobiReFT',
  formula: 'h → h + Rᵀ b, R Rᵀ = I',
  source: 'constant',
  subtracts: false,
  directions: 'orthonormal',
});
