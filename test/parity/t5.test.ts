// Compares a tiny T5 1.0 and its methods with transformers, peft and formulas in torch (see model.ts).
import { describeDecoder } from './model.ts';
import { t5 } from './t5.ts';

describeDecoder('t5-tiny', t5);
