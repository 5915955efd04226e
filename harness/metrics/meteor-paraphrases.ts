import type { Match } from './meteor-aligner.ts';
export interface ParaphraseTable {
  wordId(word: string): number;
  matches(h: number[], r: number[]): Match[];
}
