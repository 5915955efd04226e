/** Trains a model on texts, lets it write the answers of the test split, and scores them. */
import type { Prediction, TestItem, TokenPair } from '../../data/examples/task.ts';
import type { TrainingJob, TrainingResult, Validated } from '../../training/loop/job.ts';
import { commonJob, limited, trainingExamples, type CellRun } from './cell-run.ts';
import { encodeSplit, encodeToLearn, type TextSplit } from './encode-splits.ts';
import type { TextWork } from './open-data.ts';
import {
  addMetrics,
  perSecond,
  saveLines,
  saveTraining,
  trainProgress,
  type RunResults,
} from './save-results.ts';

type Tensors = TrainingResult['tensors'];

/** Trains, generates and scores a task of text; fills `results` as it goes, so that a failure keeps them. */
export async function trainAndGenerate(cellRun: CellRun, work: TextWork, results: RunResults): Promise<void> {
  const { run, events, mayWrite } = cellRun;
  const { task, splits } = work;
  const { recipe } = run.cell;
  const files = { place: run.place, mayWrite };
  const learnt = trainingExamples(cellRun, splits.train);
  const counts = (split: readonly unknown[]) => ({ used: limited(cellRun, split).length, of: split.length });
  results.examples = {
    train: { used: learnt.length, of: splits.train.length },
    validation: counts(splits.validation),
    test: run.cell.judgedOn ? { used: 0, of: splits.test.length } : counts(splits.test),
  };
  const { train } = await import('../../training/loop/train.ts');
  const { languageModel } = await import('../../training/objectives/language-model.ts');
  const encode = (items: TextSplit['items']) =>
    encodeToLearn({ task, items }, run.tokenizer, recipe, cellRun.signal);
  const result = await train({
    ...commonJob(cellRun),
    objective: languageModel(run.base.architecture, recipe.labelSmoothing, recipe),
    train: await encode(learnt),
    validation: await encode(limited(cellRun, splits.validation)),
    ...(task.selection !== undefined && { validate: validateBy(cellRun, work, task.selection) }),
    onProgress: (progress) => {
      events.onProgress(trainProgress(progress));
    },
  });
  await saveTraining(files, result, results, run.cell);
  if (run.cell.judgedOn) return;

  const test = limited(cellRun, splits.test);
  // Data to learn from alone has nothing to test; evaluations score what it trained.
  if (test.length === 0) return;
  const { tokens, seconds, predictions } = await answer(cellRun, work, test, result.tensors);
  results.seconds.generate = seconds;
  const lengths = tokens.map((row) => row.length);
  results.tokensPerSecond.generate = perSecond(lengths, seconds);
  await saveScoredTexts(cellRun, work, predictions, results);
}

/** Saves and scores the texts that answer a test split. */
export async function saveScoredTexts(
  { run: { place }, mayWrite }: Pick<CellRun, 'run' | 'mayWrite'>,
  { task, draw }: TextWork,
  predictions: readonly Prediction[],
  results: RunResults,
): Promise<void> {
  const files = { place, mayWrite };
  // Predictions are saved before they are scored, so that no failure there loses them.
  await saveLines(files, 'predictions', predictions, results);
  const start = performance.now();
  const { metrics, segments } = await task.score(predictions, draw);
  results.seconds.score = (performance.now() - start) / 1000;
  addMetrics(task, metrics, results);
  if (!segments) return;
  const scored = predictions.map((prediction, i) => ({ ...prediction, scores: segments[i] }));
  await saveLines(files, 'predictions', scored, results);
}

/** Generates the answers of items with the tensors of a checkpoint. */
async function answer<Item extends TestItem>(
  cellRun: CellRun,
  work: TextWork,
  items: readonly Item[],
  tensors: Tensors,
): Promise<{ tokens: number[][]; seconds: number; predictions: (Item & { prediction: string })[] }> {
  const { engine, events, signal } = cellRun;
  const { base, delta, tokenizer, cell } = cellRun.run;
  const { task, endToken } = work;
  const encoded = await encodeSplit({ task, items }, tokenizer, cell.recipe, signal);
  const prompts = encoded.map(({ prompt }) => prompt);
  const { generate } = await import('../../decoding/generate.ts');
  const { tokens, seconds } = await generate({
    engine,
    base,
    delta,
    tensors,
    prompts,
    signal,
    // The settings of decoding have the same names in recipes.
    ...cell.recipe,
    eosId: cell.recipe.stopAtEnd ? endToken : undefined,
    onProgress: (done: number) => {
      events.onProgress({ phase: 'generate', done, total: prompts.length, detail: '' });
    },
  });
  const decode = (ids: readonly number[]) =>
    task.clean(tokenizer.decode(untilEnd(ids, endToken), { skipSpecialTokens: true }));
  const predictions = items.map((item, i) => ({ ...item, prediction: decode(tokens[i]!) }));
  return { tokens, seconds, predictions };
}

/** Tokens up to the end token, after which a model that decodes without it writes on. */
function untilEnd(tokens: readonly number[], endToken: number): number[] {
  const end = tokens.indexOf(endToken);
  return tokens.slice(0, end < 0 ? undefined : end);
}

/** Validates a checkpoint by a metric of generated answers, where the task chooses by one. */
function validateBy(
  cellRun: CellRun,
  work: TextWork,
  metric: string,
): NonNullable<TrainingJob<TokenPair>['validate']> {
  const { task, splits, draw } = work;
  const items = limited(cellRun, splits.validationItems ?? []);
  return async (_, trained): Promise<Validated> => {
    const { predictions } = await answer(cellRun, work, items, await trained());
    const { metrics } = await task.score(predictions, draw);
    const { higherIsBetter } = task.metrics.find(({ name }) => name === metric)!;
    return { metrics, score: (higherIsBetter ? 1 : -1) * metrics[metric]! };
  };
}
