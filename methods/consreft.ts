import { defineReft } from './loreft.ts';

/** ConsReFT, LoReFT with a constant source: h → h + (b − Rᵀh) Rᵀ. */
export default defineReft({
  name: 'consreft',
  label: 'ConsReFT',
  formula: 'h → h + Rᵀ (b − R h), R Rᵀ = I',
  source: 'constant',
  subtracts: true,
  directions: 'orthonormal',
});
