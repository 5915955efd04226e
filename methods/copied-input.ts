/**
 * Answers every example with its own input. No model is read; it tells how much of a text metric an answer
 * earns by saying again what was asked, such as the words of E2E's meaning representations.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'copied-input',
  label: 'Copied input',
  paper: 'a baseline where answers repeat their inputs',
  formula: 'y = x',
  options: z.strictObject({}),
  answers: 'copied-input',
  attach: () => ({ trained: {}, merge: () => () => [] }),
});
