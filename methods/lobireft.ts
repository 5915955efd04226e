import { defineReft } from './loreft.ts';

/** LobiReFT, a low-rank bias: h → h + b Rᵀ. */
export default defineReft({
  name: 'lobireft',
  label: 'LobiReFT',
  formula: 'h → h + Rᵀ b, R Rᵀ = I',
  source: 'constant',
  subtracts: false,
  directions: 'orthonormal',
});
