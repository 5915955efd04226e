// Compares a tiny RoBERTa and its methods with transformers and peft (see encoder.ts).
import { describeEncoder } from './encoder.ts';

describeEncoder('roberta-tiny');
