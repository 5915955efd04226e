import { encodeSplit, type TextSplit } from './encode.ts';
import { keepLines, keepMetrics, keepTraining, perSecond, trainProgress, type Findings } from './findings.ts';
import type { TextWork } from './prepare.ts';
import type { Trial } from './trial.ts';

/** Trains, generates and scores a task of text. */
export async function trainAndGenerate(
  { run: { cell, place, base, tokenizer, delta }, engine, folder, events, signal }: Trial,
  { task, splits, endToken }: TextWork,
  findings: Findings,
): Promise<void> {
  const { recipe, seed } = cell;
  const cut = <T>(items: readonly T[]) => items.slice(0, cell.limits.examples ?? undefined);
  const parts = { train: cut(splits.train), validation: cut(splits.validation), test: cut(splits.test) };
  findings.examples = {
    train: { used: parts.train.length, of: splits.train.length },
    validation: { used: parts.validation.length, of: splits.validation.length },
    test: { used: parts.test.length, of: splits.test.length },
  };
  const encode = (items: TextSplit['items']) => encodeSplit({ task, items }, tokenizer, recipe);

  const { train } = await import('../training/train.ts');
  const { languageModel } = await import('../training/language-model.ts');
  const result = await train({
    ...{ engine, base, delta, recipe, seed, folder, signal },
    objective: languageModel(base.architecture, recipe.labelSmoothing),
    train: await encode(parts.train),
    validation: await encode(parts.validation),
    onProgress: (progress) => {
      events.onProgress(trainProgress(progress));
    },
  });
  await keepTraining(place.path, result, findings);

  const { generate } = await import('../decoding/generate.ts');
  const prompts = (await encode(parts.test)).map(({ prompt }) => prompt);
  const { tokens, seconds } = await generate({
    ...{ engine, base, delta, tensors: result.tensors, prompts, signal },
    // The recipe's names for how decoding chooses are the generator's.
    ...recipe,
    eosId: recipe.stopAtEnd ? endToken : undefined,
    onProgress: (done: number) => {
      events.onProgress({ phase: 'generate', done, total: prompts.length, detail: '' });
    },
  });
  findings.seconds.generate = seconds;
  findings.tokensPerSecond.generate = perSecond(
    tokens.map((row) => row.length),
    seconds,
  );
  const predictions = parts.test.map((item, i) => ({
    ...item,
    prediction: task.clean(tokenizer.decode(untilEnd(tokens[i]!, endToken), { skipSpecialTokens: true })),
  }));
  // Kept before they are scored, so that no failure there loses them.
  await keepLines(place.path, 'predictions', predictions, findings);
  const start = performance.now();
  const { metrics, segments } = await task.score(predictions);
  findings.seconds.score = (performance.now() - start) / 1000;
  keepMetrics(task, metrics, findings);
  const scored = predictions.map((prediction, i) => ({ ...prediction, scores: segments?.[i] }));
  if (segments) await keepLines(place.path, 'predictions', scored, findings);
}

/** Decoding that does not know the end token goes on behind it. */
function untilEnd(tokens: readonly number[], endToken: number): number[] {
  const end = tokens.indexOf(endToken);
  return tokens.slice(0, end < 0 ? undefined : end);
}
