import { arc } from '../harness/evaluation/arc.ts';

export default arc('arc-easy', 'ARC-Easy');
