/** The challenging part of ARC. */
import { arc } from '../harness/evaluation/suites/arc.ts';

export default arc('arc-challenge', 'ARC-Challenge');
