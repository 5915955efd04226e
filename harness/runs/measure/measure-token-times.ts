/**
 * Measures how long the models of runs take to write a token: the base alone, with the method beside its weights,
 * and with the method merged into them. `bench run --columns token-time` uses it.
 */
import { median } from 'simple-statistics';
import { builtinGlueText } from '../../data/sets/glue/synthetic/generate.ts';
import { freezeAll, type TrainedTensors } from '../../decoding/programs.ts';
import { stepTimes } from '../../decoding/step-times.ts';
import type { Engine } from '../../engine/types.ts';
import { baseModel, type BaseModel } from '../../models/base-model.ts';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import { mergeDelta } from '../../models/delta/merge.ts';
import { type Delta, virtualTokens } from '../../models/method.ts';
import { tokenTimes, type TokenTimes } from '../../records/beside/token-times.ts';
import { UsageError } from '../../support/errors.ts';
import type { Outcome } from '../execute/executor.ts';
import { startEngine } from '../execute/start-engine.ts';
import { openTrainedRun, tensorsOf, type TrainedRun } from '../outcome/open-run.ts';
import type { MeasureOptions } from './measure-options.ts';

/** The tokens of a turn; the models take turns, so that a slow moment of the machine meets all of them. */
const [TURNS, TOKENS] = [3, 32];
/** The most tokens of the prompt, the beginning of texts of deltabench's own. */
const PROMPT = 32;

/** A model that is timed. */
interface Timed {
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly tensors: TrainedTensors;
}

/** Measures the finished runs whose models wrote and that have no such file, and writes it beside their records. */
export async function measureTokenTimes(
  outcomes: readonly Outcome[],
  { engine: choice, tokenizer, signal, onProgress }: MeasureOptions,
): Promise<void> {
  const missing: Outcome[] = [];
  for (const outcome of outcomes) {
    const { status, files, seconds } = outcome.record;
    if (status !== 'finished' || !files.tensors || seconds.generate === undefined) continue;
    if (!(await tokenTimes.read('', outcome))) missing.push(outcome);
  }
  if (missing.length === 0) return;
  const engine = await startEngine({ engine: choice });
  for (const [done, { path, record, cell }] of missing.entries()) {
    onProgress(done, missing.length);
    const run = await openTrainedRun(path, { tokenizer, source: cell.source });
    await tokenTimes.write(path, {
      trained: record.files.tensors!.sha256,
      ...(await timesOf(run, engine, signal)),
    });
  }
  onProgress(missing.length, missing.length);
}

async function timesOf(
  run: TrainedRun,
  engine: Engine,
  signal: AbortSignal,
): Promise<Omit<TokenTimes, 'trained'>> {
  const { base, delta, tokenizer } = run;
  const room = base.architecture.positions - virtualTokens(delta);
  const tokens = Math.min(TOKENS, room - 1);
  const texts = builtinGlueText(PROMPT, 1).flat().join(' ');
  const prompt = tokenizer.encode(texts).slice(0, Math.min(PROMPT, room - tokens));
  const bare = { delta: { trained: {} }, tensors: {} };
  const merged = merge(run);
  const models: Record<'base' | 'adapter' | 'merged', Timed | undefined> = {
    base: { base, ...bare },
    adapter: { base, delta, tensors: tensorsOf(run) },
    merged: 'unmerged' in merged ? undefined : { base: merged, ...bare },
  };
  const times = { base: [] as number[], adapter: [] as number[], merged: [] as number[] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const name of ['base', 'adapter', 'merged'] as const) {
      const model = models[name];
      if (!model) continue;
      const frozen = await freezeAll(engine, model.base, model.delta, model.tensors);
      try {
        times[name].push(...(await stepTimes({ engine, ...model, frozen }, prompt, tokens, signal)));
      } finally {
        frozen.dispose();
      }
    }
  }
  return {
    tokens: TURNS * tokens,
    base: median(times.base),
    adapter: median(times.adapter),
    ...('unmerged' in merged ? merged : { merged: median(times.merged) }),
  };
}

/** The base with the method in its weights, or why there is none, as the end of a sentence. */
function merge({ base, delta, values }: TrainedRun): BaseModel | { readonly unmerged: string } {
  if (!delta.merge) return { unmerged: 'it does not merge' };
  if (base.weights) return { unmerged: `its base is kept in ${baseWeightsText(base.weights)}` };
  try {
    const { id, tokenizer, hash } = base;
    return baseModel({ ...mergeDelta(base, delta, values), id, tokenizer, hash });
  } catch (error) {
    if (error instanceof UsageError) return { unmerged: error.message };
    throw error;
  }
}
