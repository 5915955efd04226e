/**
 * Measures how much worse the models of runs have become at other texts than those they learnt: the loss on fixed
 * texts after training, less that before. `bench run --columns forgetting` uses it.
 */
import { builtinGlueText } from '../../data/sets/glue/synthetic/generate.ts';
import { freezeToScore } from '../../decoding/programs.ts';
import type { Engine } from '../../engine/types.ts';
import { positionsFor } from '../../evaluation/likelihoods/batches.ts';
import { textLoss } from '../../evaluation/likelihoods/text-loss.ts';
import { forgetting } from '../../records/beside/forgetting.ts';
import { sha256 } from '../../support/hash.ts';
import type { Outcome } from '../execute/executor.ts';
import { startEngine } from '../execute/start-engine.ts';
import type { MeasureOptions } from './measure-options.ts';
import { findSubject, type Subject } from '../evaluate/subject.ts';

/** Texts of deltabench's own, which no task trains and no base was made of. */
const [TEXTS, SEED] = [100, 7];

/** Measures the finished runs on decoders that have no such file, and writes it beside their records. */
export async function measureForgetting(
  outcomes: readonly Outcome[],
  { engine: choice, tokenizer, signal, onProgress }: MeasureOptions,
): Promise<void> {
  const texts = builtinGlueText(TEXTS, SEED).map((sentences) => sentences.join(' '));
  const hash = sha256(JSON.stringify(texts));
  const missing: Outcome[] = [];
  for (const outcome of outcomes) {
    const { record, cell } = outcome;
    if (record.status !== 'finished' || !record.files.tensors || cell.task.kind !== 'text') continue;
    if ((await forgetting.read('', outcome))?.texts !== hash) missing.push(outcome);
  }
  if (missing.length === 0) return;
  const engine = await startEngine({ engine: choice });
  const ofBases = new Map<string, number>();
  for (const [done, { path, record, cell }] of missing.entries()) {
    onProgress(done, missing.length);
    const known = await findSubject({ record: path, tokenizer }, cell.source);
    if (known.described.architecture.kind !== 'decoder') continue;
    const subject = await known.open();
    // Texts keep their beginning where the base, or the method's own tokens, leave no room for more.
    const positions = positionsFor(subject.base, subject.delta);
    const ids = texts.map((text) => subject.tokenizer.encode(text).slice(0, positions));
    const bare = { ...subject, delta: { trained: {} }, tensors: {} };
    const base = JSON.stringify([subject.model, subject.baseWeights, positions]);
    const before = ofBases.get(base) ?? (await lossOf(bare, engine, ids, signal));
    ofBases.set(base, before);
    const after = await lossOf(subject, engine, ids, signal);
    await forgetting.write(path, { trained: record.files.tensors!.sha256, texts: hash, before, after });
  }
  onProgress(missing.length, missing.length);
}

async function lossOf(
  { base, delta, tensors }: Pick<Subject, 'base' | 'delta' | 'tensors'>,
  engine: Engine,
  texts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<number> {
  const frozen = await freezeToScore(engine, base, delta, tensors);
  try {
    return await textLoss({ engine, base, delta, frozen }, texts, signal);
  } finally {
    frozen.dispose();
  }
}
