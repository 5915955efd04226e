/** The easy part of ARC. */
import { arc } from '../harness/evaluation/suites/arc.ts';

export default arc('arc-easy', 'ARC-Easy');
