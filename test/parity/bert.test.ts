// Compares a tiny BERT and its methods with transformers and peft (see encoder.ts).
import { describeEncoder } from './encoder.ts';

describeEncoder('bert-tiny');
