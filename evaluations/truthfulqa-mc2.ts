/** TruthfulQA's second score: the probability of all true answers together. */
import { truthfulQa } from '../harness/evaluation/suites/truthfulqa.ts';

export default truthfulQa('truthfulqa-mc2', 'TruthfulQA, weight of the true answers', 'mc2', 3);
