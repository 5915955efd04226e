/**
 * Tests a cell whose method answers without a model: by the most frequent answer of the training split, or by
 * copies of the inputs. The record is made and scored as those of models are.
 */
import type { TestItem } from '../../data/examples/task.ts';
import type { Method } from '../../models/method.ts';
import { UsageError } from '../../support/errors.ts';
import { groupBy } from '../../support/group-by.ts';
import { limited, trainingExamples, type CellRun } from './cell-run.ts';
import type { LabelWork, TextWork } from './open-data.ts';
import type { RunResults } from './save-results.ts';
import { saveScoredTests } from './train-and-classify.ts';
import { saveScoredTexts } from './train-and-generate.ts';

type Answers = NonNullable<Method['answers']>;

/** Answers and scores the test split; fills `results`. Throws UsageError where there is no test split. */
export function answerWithoutModel(
  cellRun: CellRun,
  work: TextWork | LabelWork,
  answers: Answers,
  results: RunResults,
): Promise<void> {
  return work.kind === 'label'
    ? classify(cellRun, work, answers, results)
    : write(cellRun, work, answers, results);
}

/** Gives every example the class that most training examples have; its outputs are the classes' shares. */
async function classify(
  cellRun: CellRun,
  work: LabelWork,
  answers: Answers,
  results: RunResults,
): Promise<void> {
  const { task, splits } = work;
  const learnt = trainingExamples(cellRun, splits.train);
  const test = limited(cellRun, splits.test);
  results.examples = countExamples(work, answers, learnt.length, test.length);
  const shares = new Float32Array(task.classes!.length);
  for (const { label } of learnt) shares[label]! += 1 / learnt.length;
  const further = Object.entries(splits.alsoTest ?? {});
  const tests = [
    { examples: test },
    ...further.map(([name, split]) => ({ name, examples: limited(cellRun, split) })),
  ];
  const outputs = tests.flatMap(({ examples }) => examples.map(() => shares));
  await saveScoredTests(cellRun, work, tests, outputs, results);
}

async function write(cellRun: CellRun, work: TextWork, answers: Answers, results: RunResults): Promise<void> {
  const { task, splits } = work;
  const learnt = answers === 'most-frequent' ? trainingExamples(cellRun, splits.train) : [];
  const items = limited(cellRun, splits.test);
  results.examples = countExamples(work, answers, learnt.length, items.length);
  const text = answers === 'most-frequent' ? mostFrequent(learnt.map(({ target }) => target)) : undefined;
  const answer = ({ input }: TestItem): string => task.clean(text ?? [input].flat().join('\n'));
  const predictions = items.map((item) => ({ ...item, prediction: answer(item) }));
  await saveScoredTexts(cellRun, work, predictions, results);
}

/** How many examples of each split are used; throws UsageError where there is no test split. */
function countExamples(
  { task, splits }: TextWork | LabelWork,
  answers: Answers,
  learnt: number,
  tested: number,
): RunResults['examples'] {
  if (tested === 0) throw new UsageError(`${task.name} has no test split that ${answers} could answer.`);
  return {
    train: { used: learnt, of: splits.train.length },
    validation: { used: 0, of: splits.validation.length },
    test: { used: tested, of: splits.test.length },
  };
}

/** The most frequent of some texts; of equally frequent ones the first. */
function mostFrequent(texts: readonly string[]): string {
  const groups = [...groupBy(texts, (text) => text).values()];
  return groups.reduce((most, group) => (group.length > most.length ? group : most))[0]!;
}
