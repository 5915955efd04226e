import { describeEncoder } from './encoder.ts';

describeEncoder('bert-tiny');
