/** An evaluation on the built-in data, which needs no download: tests and first tries use it. */
import { groupByMeaning } from '../harness/data/sets/e2e/load.ts';
import { builtinE2E } from '../harness/data/sets/e2e/synthetic.ts';
import { encodePair } from '../harness/data/examples/encode-pair.ts';
import { ask, builtinData } from '../harness/evaluation/suites/documents.ts';
import { defineEvaluation } from '../harness/evaluation/evaluation.ts';

const ALTERNATIVES = 4;
const nameOf = (meaning: string): string => /^name : ([^|]*?) *(\||$)/.exec(meaning)![1]!;

/**
 * Deltabench's own: which of four sentences says a restaurant's meaning; encoded like the built-in task e2e.
 */
export default defineEvaluation({
  kind: 'choices',
  name: 'restaurants',
  label: 'Restaurants',
  version: 1,
  sources: ['built-in'],
  measures: ['acc_norm', 'acc'],
  shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 0 },
  fixedShots: true,
  examples: 'first',
  encode: (tokenizer, alternatives) =>
    alternatives.map(({ context, continuation }) => {
      const limits = { promptLength: Infinity, targetLength: Infinity };
      const { prompt, target } = encodePair(context, continuation.slice(1), tokenizer, limits);
      return { context: prompt, continuation: target };
    }),
  load() {
    const items = groupByMeaning(builtinE2E().test);
    const documents = items.map(({ meaning, references }, i) => {
      // Sentences of other meanings, spread over the split, with this restaurant's name put in.
      const others = Array.from(
        { length: ALTERNATIVES - 1 },
        (_, k) => items[(i + (k + 1) * 31) % items.length]!,
      );
      const wrong = others.map((other) =>
        other.references[0]!.replaceAll(nameOf(other.meaning), nameOf(meaning)),
      );
      const gold = i % ALTERNATIVES;
      return ask(meaning, [...wrong.slice(0, gold), references[0]!, ...wrong.slice(gold)], gold);
    });
    return builtinData(documents, []);
  },
});
