import { defineReft } from './loreft.ts';

/** ConsReFT, LoReFT with a constant source: h → h + (b − Rᵀh) Rᵀ. */
export default defineReft({
  name: 'consreft',
  label: 'ConsReFT',
  source: 'constant',
  subtracts: true,
  directions: 'orthonormal',
});
