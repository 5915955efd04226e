import { defineReft } from './loreft.ts';

/** LobiReFT, a low-rank bias: h → h + b Rᵀ. */
export default defineReft({
  name: 'lobireft',
  label: 'LobiReFT',
  source: 'constant',
  subtracts: false,
  directions: 'orthonormal',
});
