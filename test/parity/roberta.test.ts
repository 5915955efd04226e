// Compares a tiny RoBERTa and its methods with transformers, peft and formulas in torch (see encoder.ts).
import { describeEncoder } from './encoder.ts';

describeEncoder('roberta-tiny');
