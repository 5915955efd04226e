/**
 * Trains a base with a head on classes or values, chooses the checkpoint by validation, and tests it
 * once.
 */
import {
  metricName,
  type LabelledExample,
  type LabelledTokens,
  type LabelTask,
} from '../../data/examples/task.ts';
import { counted } from '../../support/counted.ts';
import { UsageError } from '../../support/errors.ts';
import type { Head } from '../../models/delta/heads.ts';
import { virtualTokens } from '../../models/method.ts';
import type { Validated } from '../../training/loop/job.ts';
import type { Answered } from '../../training/objectives/objective.ts';
import { commonJob, limited, trainingExamples, type CellRun } from './cell-run.ts';
import { encodeLabels } from './encode-splits.ts';
import type { LabelWork } from './open-data.ts';
import {
  addMetrics,
  perSecond,
  saveLines,
  saveTraining,
  trainProgress,
  type RunResults,
} from './save-results.ts';

/** A test set; a task may have several, of which the main one has no name. */
interface TestSet {
  readonly name?: string;
  readonly examples: readonly LabelledExample[];
  readonly tokens: readonly LabelledTokens[];
}

/** The splits of a cell as tokens. */
interface EncodedSplits {
  readonly train: readonly LabelledTokens[];
  readonly validation: readonly LabelledTokens[];
  readonly tests: readonly TestSet[];
}

/** Trains and tests a cell of classes or values; fills `results` as it goes, so that a failure keeps them. */
export async function trainAndClassify(
  cellRun: CellRun,
  work: LabelWork,
  results: RunResults,
): Promise<void> {
  const { run, events, mayWrite } = cellRun;
  const files = { place: run.place, mayWrite };
  const splits = await encodeSplits(cellRun, work, results);
  const { train } = await import('../../training/loop/train.ts');
  const { labelled } = await import('../../training/objectives/classification.ts');
  const result = await train({
    ...commonJob(cellRun),
    objective: labelled(work.head, work.task.classes !== undefined, run.cell.recipe.labelSmoothing),
    train: splits.train,
    validation: splits.validation,
    validate: (answers) => validate(work, answers),
    ...(run.cell.judgedOn === undefined && { test: splits.tests.flatMap(({ tokens }) => tokens) }),
    onProgress: (progress) => {
      events.onProgress(trainProgress(progress));
    },
  });
  await saveTraining(files, result, results, run.cell);
  if (run.cell.judgedOn) return;

  const { answers, seconds } = result.test!;
  results.seconds.predict = seconds;
  const lengths = splits.tests.flatMap(({ tokens }) => tokens.map(({ ids }) => ids.length));
  results.tokensPerSecond.predict = perSecond(lengths, seconds);
  await saveScoredTests(cellRun, work, splits.tests, answers, results);
}

/** Saves and scores the answers to test sets: an output for each class, or the value, by example. */
export async function saveScoredTests(
  { run: { place }, mayWrite }: Pick<CellRun, 'run' | 'mayWrite'>,
  work: LabelWork,
  tests: readonly Pick<TestSet, 'name' | 'examples'>[],
  answers: readonly Float32Array[],
  results: RunResults,
): Promise<void> {
  const { rows, metrics } = scoreTests(work, tests, answers);
  await saveLines({ place, mayWrite }, 'predictions', rows, results);
  addMetrics(work.task, metrics, results);
}

/** Encodes the splits of a cell, and says in `results` how many examples each has and how many were cut. */
async function encodeSplits(
  cellRun: CellRun,
  { task, splits, head }: LabelWork,
  results: RunResults,
): Promise<EncodedSplits> {
  const { cell, base, tokenizer, delta } = cellRun.run;
  const limit = Math.min(cell.recipe.promptLength, base.architecture.positions - virtualTokens(delta));
  const encode = async (split: readonly LabelledExample[], choose = limited) => {
    const examples = choose(cellRun, split);
    const { tokens, truncated } = await encodeLabels(task, examples, tokenizer, limit, cellRun.signal);
    requireEqualEnds(head, tokens);
    return { examples, tokens, counts: { used: examples.length, of: split.length, truncated } };
  };
  const train = await encode(splits.train, trainingExamples);
  const validation = await encode(splits.validation);
  if (cell.judgedOn) {
    const untouched = { used: 0, of: splits.test.length };
    results.examples = { train: train.counts, validation: validation.counts, test: untouched };
    return { train: train.tokens, validation: validation.tokens, tests: [] };
  }
  const test = await encode(splits.test);
  results.examples = { train: train.counts, validation: validation.counts, test: test.counts };
  const tests: TestSet[] = [test];
  for (const [name, split] of Object.entries(splits.alsoTest ?? {})) {
    tests.push({ name, ...(await encode(split)) });
  }
  return { train: train.tokens, validation: validation.tokens, tests };
}

/**
 * Throws UsageError where an encoder-decoder's head would read texts that differ in their number of end tokens, or
 * have none: transformers refuses batches of them.
 */
export function requireEqualEnds({ ends }: Pick<Head, 'ends'>, examples: readonly LabelledTokens[]): void {
  if (!ends) return;
  const counts = examples.map(({ ids }) => ids.filter((id) => id === ends.endToken).length);
  const kinds = [...new Set(counts)].sort((a, b) => a - b);
  if (kinds.length <= 1 && kinds[0] !== 0) return;
  const texts = kinds.map(
    (kind) => `${counted(counts.filter((count) => count === kind).length, 'text')} with ${kind}`,
  );
  throw new UsageError(
    `The head reads a text at its last end token (${ends.endToken}), and transformers refuses batches whose texts ` +
      `do not all have equally many, at least one; here are ${texts.join(', ')}. The tokenizer must end every text ` +
      'with one, and none may stand within a text.',
  );
}

/** The class with the largest output, or the value. */
const predict = ({ classes }: LabelTask, outputs: Float32Array): number =>
  classes ? outputs.indexOf(Math.max(...outputs)) : outputs[0]!;

/** Scores the validation split; the task's selection metric chooses the checkpoint. */
function validate({ task, draw }: LabelWork, answers: readonly Answered<LabelledTokens>[]): Validated {
  const predicted = answers.map(({ answer }) => predict(task, answer));
  const labels = answers.map(({ example }) => example.label);
  const metrics = task.score(predicted, labels, draw);
  const { higherIsBetter } = task.metrics.find(({ name }) => name === task.selection)!;
  return { metrics, score: (higherIsBetter ? 1 : -1) * metrics[task.selection]! };
}

/**
 * Predictions as rows of a file, with texts and names so that no data set is needed to read them, and all
 * metrics.
 */
function scoreTests(
  { task, draw }: LabelWork,
  tests: readonly Pick<TestSet, 'name' | 'examples'>[],
  answers: readonly Float32Array[],
): { rows: object[]; metrics: Record<string, number> } {
  const rows: object[] = [];
  const metrics: Record<string, number> = {};
  let at = 0;
  for (const { name, examples } of tests) {
    const outputs = answers.slice(at, (at += examples.length));
    const predictions = outputs.map((answer) => predict(task, answer));
    examples.forEach(({ id, texts, label }, i) => {
      const prediction = predictions[i]!;
      rows.push({
        id,
        ...(name !== undefined && { set: name }),
        input: texts,
        label,
        prediction,
        ...(task.classes && {
          labelName: task.classes[label],
          predictionName: task.classes[prediction],
          outputs: [...outputs[i]!],
        }),
      });
    });
    const labels = examples.map(({ label }) => label);
    for (const [metric, value] of Object.entries(task.score(predictions, labels, draw))) {
      metrics[metricName(metric, name)] = value;
    }
  }
  return { rows, metrics };
}
