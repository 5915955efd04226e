/** TruthfulQA's first score: whether the one true answer is the likeliest. */
import { truthfulQa } from '../harness/evaluation/suites/truthfulqa.ts';

export default truthfulQa('truthfulqa-mc1', 'TruthfulQA, one true answer', 'mc1', 2);
