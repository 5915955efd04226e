import { truthfulQa } from '../harness/evaluation/truthfulqa.ts';

export default truthfulQa('truthfulqa-mc2', 'TruthfulQA, weight of the true answers', 'mc2', 3);
