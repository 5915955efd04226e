import type { GlueName } from './rows.ts';
import type { Draw, LabelledExample, TextPair } from '../../examples/task.ts';

/** The format of T5 (Raffel et al., 2020, appendix D): what stands before each text, and the words of the classes. */
const formats: Readonly<
  Record<GlueName, { readonly before: readonly string[]; readonly words?: readonly string[] }>
> = {
  cola: { before: ['sentence'], words: ['unacceptable', 'acceptable'] },
  // The hypothesis stands first.
  mnli: { before: ['premise', 'hypothesis'], words: ['entailment', 'neutral', 'contradiction'] },
  mrpc: { before: ['sentence1', 'sentence2'], words: ['not_equivalent', 'equivalent'] },
  qnli: { before: ['question', 'sentence'], words: ['entailment', 'not_entailment'] },
  qqp: { before: ['question1', 'question2'], words: ['not_duplicate', 'duplicate'] },
  rte: { before: ['sentence1', 'sentence2'], words: ['entailment', 'not_entailment'] },
  sst2: { before: ['sentence'], words: ['negative', 'positive'] },
  stsb: { before: ['sentence1', 'sentence2'] },
};

/**
 * Whether a model is asked as the RED authors' code asks T5: the texts alone, the end token after each, and
 * the label's number
 * for an answer (entry `t5-format`, side code). Any other model, and the other sides, use T5's own words.
 */
const asNumbers = ({ family, side }: Draw): boolean => family === 't5' && side('t5-format') === 'code';

/** An example of GLUE as a model that generates is asked it, and the answer. */
export function writeGlue(name: GlueName, { texts, label }: LabelledExample, draw: Draw): TextPair {
  const { before, words } = formats[name];
  if (asNumbers(draw)) return { input: texts, target: words ? String(label) : label.toFixed(1) };
  const parts = texts.map((text, i) => `${before[i]!}: ${text}`);
  if (name === 'mnli') parts.reverse();
  // T5 was trained on scores in steps of 0.2.
  const target = words ? words[label]! : (Math.round(label * 5) / 5).toFixed(1);
  return { input: `${name} ${parts.join(' ')}`, target };
}

/** The class that an answer names, −1 for none; where the answer is a score, that from 0 to 5, 0 for none. */
export function readGlue(name: GlueName, text: string, draw: Draw): number {
  const { words } = formats[name];
  const answer = text.trim();
  if (!words) {
    const score = /^\d+(\.\d*)?$/.test(answer) ? Number(answer) : NaN;
    return score >= 0 && score <= 5 ? score : 0;
  }
  return (asNumbers(draw) ? words.map((_, i) => String(i)) : words).indexOf(answer);
}
