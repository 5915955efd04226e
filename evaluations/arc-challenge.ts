import { arc } from '../harness/evaluation/arc.ts';

export default arc('arc-challenge', 'ARC-Challenge');
