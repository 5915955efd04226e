import type { TestItem } from '../../data/examples/task.ts';
import type { TrainingResult, Validated } from '../../training/loop/job.ts';
import { encodeSplit, type TextSplit } from './encode-splits.ts';
import {
  saveLines,
  addMetrics,
  saveTraining,
  perSecond,
  trainProgress,
  type RunResults,
} from './save-results.ts';
import type { TextWork } from './prepare-cells.ts';
import type { CellRun } from './cell-run.ts';

/** Trains, generates and scores a task of text. */
export async function trainAndGenerate(
  {
    run: { cell, place, base, tokenizer, delta },
    engine,
    folder,
    events,
    signal,
    mayWrite,
    companion,
  }: CellRun,
  { task, splits, endToken }: TextWork,
  findings: RunResults,
): Promise<void> {
  const { recipe, seed } = cell;
  const keeping = { place, mayWrite };
  const cut = <T>(items: readonly T[]) => items.slice(0, cell.limits.examples ?? undefined);
  const parts = { train: cut(splits.train), validation: cut(splits.validation), test: cut(splits.test) };
  findings.examples = {
    train: { used: parts.train.length, of: splits.train.length },
    validation: { used: parts.validation.length, of: splits.validation.length },
    test: { used: parts.test.length, of: splits.test.length },
  };
  const encode = (items: TextSplit['items']) => encodeSplit({ task, items }, tokenizer, recipe, signal);

  const { generate } = await import('../../decoding/generate.ts');
  const answer = async <Item extends TestItem>(
    items: readonly Item[],
    tensors: TrainingResult['tensors'],
  ) => {
    const prompts = (await encode(items)).map(({ prompt }) => prompt);
    const { tokens, seconds } = await generate({
      ...{ engine, base, delta, tensors, prompts, signal },
      // The recipe's names for how decoding chooses are the generator's.
      ...recipe,
      eosId: recipe.stopAtEnd ? endToken : undefined,
      onProgress: (done: number) => {
        events.onProgress({ phase: 'generate', done, total: prompts.length, detail: '' });
      },
    });
    const decode = (ids: readonly number[]) =>
      task.clean(tokenizer.decode(untilEnd(ids, endToken), { skipSpecialTokens: true }));
    return {
      tokens,
      seconds,
      predictions: items.map((item, i) => ({ ...item, prediction: decode(tokens[i]!) })),
    };
  };
  const { selection } = task;
  const validationItems = cut(splits.validationItems ?? []);
  const choose = async (tensors: TrainingResult['tensors'], metric: string): Promise<Validated> => {
    const { metrics } = await task.score((await answer(validationItems, tensors)).predictions);
    const direction = task.metrics.find(({ name }) => name === metric)!.higherIsBetter ? 1 : -1;
    return { metrics, score: direction * metrics[metric]! };
  };

  const { train } = await import('../../training/loop/train.ts');
  const { languageModel } = await import('../../training/objectives/language-model.ts');
  const result = await train({
    ...{ engine, base, delta, recipe, seed, folder, signal, mayWrite, ...(companion && { companion }) },
    objective: languageModel(base.architecture, recipe.labelSmoothing),
    train: await encode(parts.train),
    validation: await encode(parts.validation),
    ...(selection !== undefined && {
      validate: async (_: unknown, trained: () => Promise<TrainingResult['tensors']>) =>
        choose(await trained(), selection),
    }),
    onProgress: (progress) => {
      events.onProgress(trainProgress(progress));
    },
    onNote: events.onNote,
  });
  await saveTraining(keeping, result, findings);

  const { tokens, seconds, predictions } = await answer(parts.test, result.tensors);
  findings.seconds.generate = seconds;
  findings.tokensPerSecond.generate = perSecond(
    tokens.map((row) => row.length),
    seconds,
  );
  // Kept before they are scored, so that no failure there loses them.
  await saveLines(keeping, 'predictions', predictions, findings);
  const start = performance.now();
  const { metrics, segments } = await task.score(predictions);
  findings.seconds.score = (performance.now() - start) / 1000;
  addMetrics(task, metrics, findings);
  const scored = predictions.map((prediction, i) => ({ ...prediction, scores: segments?.[i] }));
  if (segments) await saveLines(keeping, 'predictions', scored, findings);
}

/** Decoding that does not know the end token goes on behind it. */
function untilEnd(tokens: readonly number[], endToken: number): number[] {
  const end = tokens.indexOf(endToken);
  return tokens.slice(0, end < 0 ? undefined : end);
}
