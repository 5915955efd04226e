/** Writes GLUE's examples as text for models that generate, and reads their answers. */
import type { GlueName } from './rows.ts';
import type { Draw, LabelledExample, TextPair } from '../../examples/task.ts';

/**
 * T5's format (Raffel et al., 2020, appendix D): the word before each text, and the classes' words by number.
 */
const formats: Readonly<
  Record<GlueName, { readonly before: readonly string[]; readonly words?: readonly string[] }>
> = {
  cola: { before: ['sentence'], words: ['unacceptable', 'acceptable'] },
  // T5 puts MNLI's hypothesis first; `writeGlue` reverses the parts.
  mnli: { before: ['premise', 'hypothesis'], words: ['entailment', 'neutral', 'contradiction'] },
  mrpc: { before: ['sentence1', 'sentence2'], words: ['not_equivalent', 'equivalent'] },
  qnli: { before: ['question', 'sentence'], words: ['entailment', 'not_entailment'] },
  qqp: { before: ['question1', 'question2'], words: ['not_duplicate', 'duplicate'] },
  rte: { before: ['sentence1', 'sentence2'], words: ['entailment', 'not_entailment'] },
  sst2: { before: ['sentence'], words: ['negative', 'positive'] },
  stsb: { before: ['sentence1', 'sentence2'] },
};

/**
 * Whether an example is written as the RED authors' code writes it for T5 (entry `t5-format`, side code): the
 * bare texts, each with an end token, and the label's number as answer. All other models and sides use T5's
 * own words.
 */
const asNumbers = ({ family, side }: Draw): boolean => family === 't5' && side('t5-format') === 'code';

/** Writes an example of GLUE as an input with its answer. */
export function writeGlue(name: GlueName, { texts, label }: LabelledExample, draw: Draw): TextPair {
  const { before, words } = formats[name];
  if (asNumbers(draw)) return { input: texts, target: words ? String(label) : label.toFixed(1) };
  const parts = texts.map((text, i) => `${before[i]!}: ${text}`);
  if (name === 'mnli') parts.reverse();
  // T5 was trained on scores in steps of 0.2.
  const target = words ? words[label]! : (Math.round(label * 5) / 5).toFixed(1);
  return { input: `${name} ${parts.join(' ')}`, target };
}

/**
 * Reads an answer as a class number (−1 where it names no class) or, for stsb, as a score from 0 to 5 (0
 * where it is no such score).
 */
export function readGlue(name: GlueName, text: string, draw: Draw): number {
  const { words } = formats[name];
  const answer = text.trim();
  if (!words) {
    const score = /^\d+(\.\d*)?$/.test(answer) ? Number(answer) : NaN;
    return score >= 0 && score <= 5 ? score : 0;
  }
  return (asNumbers(draw) ? words.map((_, i) => String(i)) : words).indexOf(answer);
}
