/**
 * Where Hugging Face peft's method_comparison of MetaMathQA (huggingface/peft at 5d602fd) and good practice
 * differ. There is no paper; its side is the code's.
 */
import type { Discrepancy } from '../discrepancy.ts';

const all = { tasks: ['metamath'], suggested: 'code', reproduces: 'code' } as const;
const tables = ['peft/metamathqa'];

/** The discrepancies of the task metamath. */
export const metamathDiscrepancies: readonly Discrepancy[] = [
  {
    ...all,
    id: 'metamath-order',
    what:
      'the code never shuffles: batches are in file order, each 20 sorted from long to short, so that ' +
      'length falls while the learning rate moves',
    says: {
      paper: 'examples in file order, every 20 batches sorted from long to short',
      code: 'examples in file order, every 20 batches sorted from long to short',
      corrected: 'examples in an order that the seed draws',
    },
    settings: { paper: { order: 'buckets' }, code: { order: 'buckets' }, corrected: {} },
    changes: { what: 'training', tables },
  },
  {
    ...all,
    id: 'metamath-end',
    what:
      'the code learns the end of a text from its padding, which the longest example of a batch does not have; ' +
      'the loss is divided as if it had',
    says: {
      paper: "a batch's longest example does not learn its end",
      code: "a batch's longest example does not learn its end",
      corrected: 'every example learns its end',
    },
    settings: {
      paper: { endOfLongest: 'not-learnt' },
      code: { endOfLongest: 'not-learnt' },
      corrected: {},
    },
    changes: { what: 'training', tables },
  },
  {
    ...all,
    id: 'metamath-commas',
    what: 'the code reads no commas: 2,125 is not 2125; 14 of the 1,319 right answers of GSM8K have one',
    says: {
      paper: '2,125 is not 2125',
      code: '2,125 is not 2125',
      corrected: 'commas are left out of answers before they are compared',
    },
    changes: { what: 'metric', tables },
  },
];
