import { describeAdapters } from './adapters.ts';

// Case: peft 0.21.2 looks for past_key_values in an encoder's forward, which transformers 5.24 calls cache,
// so that no prefix
// runs on one. The golden file is peft's with the parameter renamed back, made by make-adapters.py; the test
// of peft itself
// (test/exchange/peft/peft-loads.test.ts) skips the prefix where the two versions do not fit each other.

describeAdapters('exchange-prefix-encoder');
