// Compares a tiny T5 1.1 and its methods with transformers, peft and formulas in torch (see model.ts).
import { describeDecoder } from './model.ts';
import { t5 } from './t5.ts';

describeDecoder('t5v11-tiny', { ...t5, lacks: [...t5.lacks, 'adapter-ln', 'prefix-projection', 'ptuning'] });
