/**
 * Answers every example with the most frequent answer of the training split: the majority class, or the text
 * that most targets are. No model is read; a method that scores no more than this has learned nothing of the
 * input.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'most-frequent',
  label: 'Most frequent answer',
  paper: 'the baseline of every table of classes',
  formula: 'y = argmax_a count(a) in the training split',
  options: z.strictObject({}),
  answers: 'most-frequent',
  attach: () => ({ trained: {}, merge: () => () => [] }),
});
