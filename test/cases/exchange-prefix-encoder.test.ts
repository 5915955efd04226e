// Tests prefix tuning on an encoder: peft 0.21.2 looks for past_key_values in its forward, which transformers
// 5.24 calls cache, so no prefix runs there and peft-loads.test.ts skips prefixes. The golden file is peft's
// with the parameter renamed back (make-adapters.py).
import { describeAdapters } from './adapters.ts';

describeAdapters('exchange-prefix-encoder');
