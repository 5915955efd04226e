import { defineReft } from './loreft.ts';

/** NodiReFT, DiReFT without orthonormality: h → h + (W h + b) P. */
export default defineReft({
  name: 'nodireft',
  label: 'NodiReFT',
  source: 'linear',
  subtracts: false,
  directions: 'free',
});
