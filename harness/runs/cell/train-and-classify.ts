import { metricName, type LabelledExample } from '../../data/examples/task.ts';
import { virtualTokens } from '../../models/method.ts';
import { encodeLabels } from './encode-splits.ts';
import {
  saveLines,
  addMetrics,
  saveTraining,
  perSecond,
  trainProgress,
  type RunResults,
} from './save-results.ts';
import type { LabelWork } from './prepare-cells.ts';
import type { CellRun } from './cell-run.ts';

/** Trains an encoder with a head on classes or values, chooses the checkpoint by validation and tests it once. */
export async function trainAndClassify(
  {
    run: { cell, place, base, tokenizer, delta },
    engine,
    folder,
    events,
    signal,
    mayWrite,
    companion,
  }: CellRun,
  { task, splits, head, draw }: LabelWork,
  findings: RunResults,
): Promise<void> {
  const { recipe, seed } = cell;
  const keeping = { place, mayWrite };
  const cut = <T>(items: readonly T[]) => items.slice(0, cell.limits.examples ?? undefined);
  const parts = { train: cut(splits.train), validation: cut(splits.validation), test: cut(splits.test) };
  const more = Object.entries(splits.alsoTest ?? {}).map(([name, examples]) => ({
    name,
    examples: cut(examples),
  }));
  const limit = Math.min(recipe.promptLength, base.architecture.positions - virtualTokens(delta));
  const encode = (examples: readonly LabelledExample[]) =>
    encodeLabels(task, examples, tokenizer, limit, signal);
  const [learnt, validated, tested] = [await encode(parts.train), await encode(parts.validation), await encode(parts.test)]; // prettier-ignore
  const counted = (split: keyof typeof parts, { truncated }: { truncated: number }) => ({
    used: parts[split].length,
    of: splits[split].length,
    truncated,
  });
  findings.examples = {
    train: counted('train', learnt),
    validation: counted('validation', validated),
    test: counted('test', tested),
  };

  const { train } = await import('../../training/loop/train.ts');
  const { labelled } = await import('../../training/objectives/classification.ts');
  const predict = (answer: Float32Array): number =>
    task.classes ? answer.indexOf(Math.max(...answer)) : answer[0]!;
  const direction = task.metrics.find(({ name }) => name === task.selection)!.higherIsBetter ? 1 : -1;
  const sets = [{ name: '', examples: parts.test, tokens: tested.tokens }];
  for (const { name, examples } of more)
    sets.push({ name, examples, tokens: (await encode(examples)).tokens });
  const result = await train({
    ...{ engine, base, delta, recipe, seed, folder, signal, mayWrite, ...(companion && { companion }) },
    objective: labelled(head, task.classes !== undefined, recipe.labelSmoothing),
    train: learnt.tokens,
    validation: validated.tokens,
    validate(answers) {
      const predicted = answers.map(({ answer }) => predict(answer));
      const metrics = task.score(predicted, answers.map(({ example }) => example.label), draw); // prettier-ignore
      return { metrics, score: direction * metrics[task.selection]! };
    },
    test: sets.flatMap(({ tokens }) => tokens),
    onProgress: (progress) => {
      events.onProgress(trainProgress(progress));
    },
    onNote: events.onNote,
  });
  await saveTraining(keeping, result, findings);

  const { answers, seconds } = result.test!;
  findings.seconds.predict = seconds;
  findings.tokensPerSecond.predict = perSecond(sets.flatMap(({ tokens }) => tokens.map(({ ids }) => ids.length)), seconds); // prettier-ignore
  const rows: object[] = [];
  const metrics: Record<string, number> = {};
  let at = 0;
  for (const { name, examples } of sets) {
    const own = answers.slice(at, (at += examples.length));
    const predictions = own.map(predict);
    examples.forEach(({ id, texts, label }, i) => {
      const prediction = predictions[i]!;
      // With text and names, so that a reader of the file needs no data set to understand an answer.
      rows.push({
        id,
        ...(name && { set: name }),
        input: texts,
        label,
        prediction,
        ...(task.classes && {
          labelName: task.classes[label],
          predictionName: task.classes[prediction],
          outputs: [...own[i]!],
        }),
      });
    });
    const labels = examples.map(({ label }) => label);
    for (const [metric, value] of Object.entries(task.score(predictions, labels, draw))) {
      metrics[metricName(metric, name || undefined)] = value;
    }
  }
  await saveLines(keeping, 'predictions', rows, findings);
  addMetrics(task, metrics, findings);
}
