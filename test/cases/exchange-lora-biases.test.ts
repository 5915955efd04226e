// Regression tests: adapters with trained biases of the base (LoRA's bias "all" and "lora_only") were
// refused. Adapters are peft's, written by make-adapters.py.
import { describeAdapters, describeGradients } from './adapters.ts';

describeAdapters('exchange-lora-biases');
describeGradients('exchange-lora-biases', ['gpt2-all', 'gpt2-dora', 'bias-of-b']);
