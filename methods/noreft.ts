import { defineReft } from './loreft.ts';

/** NoReFT, LoReFT without orthonormality: h → h + (W h + b − (P h + Pb)) P. */
export default defineReft({
  name: 'noreft',
  label: 'NoReFT',
  source: 'linear',
  subtracts: true,
  directions: 'free',
});
