import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { HeadName } from '../../harness/models/head-names.ts';
import { attachCell } from '../../harness/runs/cell/attach-cell.ts';
import type { Cell } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { openStartingAdapter } from '../../harness/runs/plan/starting-adapter.ts';
import { parseVariant } from '../../harness/runs/plan/parse-variant.ts';
import { startOf } from '../methods/tiny.ts';
import { computeEncoder } from '../parity/encoder.ts';

// Classifiers that transformers saved and adapters that peft saved on them (exchange-merged-head/make.py), as
// a run begins them.

export const folder = join(import.meta.dirname, 'exchange-merged-head');

interface Golden extends Readonly<Record<string, number[][]>> {
  readonly ids: number[][];
}
export const golden = JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8')) as Golden;

/** What transformers gives, in the order of mnli's classes: the checkpoints' is the other way round. */
export const inTaskOrder = (name: string): number[] => golden[name]!.flatMap((row) => [...row].reverse());

const methods = await loadMethods();
const tasks = await loadTasks();

export interface Asked {
  readonly task?: string;
  readonly head?: HeadName;
  /** A folder of an adapter, instead of the method `none`. */
  readonly adapter?: string;
}

/** What a run on a base begins with. */
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

/** Its outputs on the golden's texts before any training. */
export async function outputsOf(
  engine: Engine,
  whole: Awaited<ReturnType<typeof begin>>,
): Promise<Float32Array> {
  const examples = golden.ids.map((ids) => ({ ids, types: ids.map(() => 0), label: 0 }));
  const { base, delta } = whole;
  const run = { engine, base, delta, head: whole.head! };
  return (await computeEncoder(run, await startOf(base, delta), examples, true)).answers;
}
