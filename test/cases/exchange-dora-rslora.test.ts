import { describeAdapters } from './adapters.ts';

// Case: DoRA with use_rslora was refused; its scale is alpha / √r, in the norm and in the product. The golden files are
// peft's, made by make-adapters.py; the second has patterns and one layer as well.

describeAdapters('exchange-dora-rslora');
