import { describeDecoder } from './model.ts';
import { t5 } from './t5.ts';

describeDecoder('t5-tiny', t5);
