// Starts runs from classifiers that transformers saved and from adapters that peft saved on them. Golden
// logits are written by exchange-merged-head/make.py.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { HeadName } from '../../harness/models/head-names.ts';
import { attachCell } from '../../harness/runs/cell/attach-cell.ts';
import type { Cell } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { openStartingAdapter } from '../../harness/runs/plan/starting-adapter.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { startOf } from '../methods/tiny.ts';
import { computeEncoder } from '../parity/encoder.ts';

export const folder = join(import.meta.dirname, 'exchange-merged-head');

interface Golden extends Readonly<Record<string, number[][]>> {
  readonly ids: number[][];
}
export const golden = JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8')) as Golden;

/** Gives golden logits in the order of mnli's classes; the checkpoints have the reverse order. */
export const inTaskOrder = (name: string): number[] => golden[name]!.flatMap((row) => [...row].reverse());

const methods = await loadMethods();
const tasks = await loadTasks();

export interface Asked {
  readonly task?: string;
  readonly head?: HeadName;
  /** Folder of an adapter; without one the method is `none`. */
  readonly adapter?: string;
}

/** Attaches what a run starts with to its base. */
export async function begin(model: string, { task = 'mnli', head = 'huggingface', adapter }: Asked) {
  const base = await loadBase(model);
  const opened = adapter === undefined ? undefined : await openStartingAdapter(adapter, base, methods);
  const variant = opened?.variant ?? parseVariant('none', methods);
  const recipe = { head, headDropout: 0, learningRate: 1 };
  return attachCell(
    { task: tasks.get(task)!, variant, start: opened?.start, recipe } as unknown as Cell,
    base,
  );
}

/** Computes outputs on the golden texts before training. */
export async function outputsOf(
  engine: Engine,
  whole: Awaited<ReturnType<typeof begin>>,
): Promise<Float32Array> {
  const examples = golden.ids.map((ids) => ({ ids, types: ids.map(() => 0), label: 0 }));
  const { base, delta } = whole;
  const run = { engine, base, delta, head: whole.head! };
  return (await computeEncoder(run, await startOf(base, delta), examples, true)).answers;
}
