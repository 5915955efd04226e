/** An evaluation of this folder's own; deltabench finds it here beside its own evaluations. */
import { ask, builtinData, defineEvaluation } from 'deltabench/evaluation';

const moods = ['angry', 'happy'] as const;
const remarks = [
  ['The soup was cold and the waiter was rude.', 'angry'],
  ['The bread was fresh and the view was lovely.', 'happy'],
  ['They forgot our order twice.', 'angry'],
  ['We will come back every week.', 'happy'],
] as const;

/**
 * An example of an evaluation: which of two words a guest's mood is, by their log-likelihoods. The file has
 * the evaluation's name; raise `version` whenever scores would change. One that reads files takes
 * `loadDocuments`, one whose answers are generated is defined by `defineTextEvaluation`.
 */
export default defineEvaluation({
  kind: 'choices',
  name: 'moods',
  label: 'Moods',
  version: 1,
  sources: ['built-in'],
  measures: ['acc'],
  shots: { 'lm-eval': 0 },
  examples: 'first',
  load: () =>
    builtinData(
      remarks.map(([remark, mood]) => ask(`${remark} The guest was`, moods, moods.indexOf(mood))),
      [],
    ),
});
