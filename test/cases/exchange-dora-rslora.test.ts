// Regression test: DoRA with use_rslora was refused; its scale alpha / √r applies to the norm and the
// product. Golden files are peft's, written by make-adapters.py; the second also has patterns and only one
// layer.
import { describeAdapters } from './adapters.ts';

describeAdapters('exchange-dora-rslora');
