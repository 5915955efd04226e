import { describeEncoder } from './encoder.ts';

describeEncoder('roberta-tiny');
