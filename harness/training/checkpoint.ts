import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isFile } from '../data/files.ts';
import { openSafetensors, writeSafetensors } from '../data/safetensors.ts';
import { sizeOf } from '../engine/checks.ts';
import type { TensorTypes } from '../engine/types.ts';

const number = z.number().nullable();
const metadata = z.strictObject({
  step: z.int().min(0),
  bestStep: z.int().min(0),
  /** The validation's, the larger the better: a metric, or the loss with its sign turned. */
  bestScore: number,
  waited: z.int().min(0),
  seconds: z.strictObject({ train: z.number(), evaluate: z.number() }),
  log: z.array(
    z.strictObject({
      step: z.int(),
      loss: number,
      learningRate: z.number(),
      gradientNorm: number,
      milliseconds: z.number(),
      tokens: z.int(),
      // Checkpoints of before shapes were written have none.
      shapes: z.array(z.string()).optional(),
    }),
  ),
  evaluations: z.array(
    z.strictObject({
      step: z.int(),
      loss: number,
      metrics: z.record(z.string(), number).optional(),
      seconds: z.number(),
    }),
  ),
});

/** Everything that a run needs to go on: random streams start anew at each step, so the step stands for them. */
export type RunMetadata = z.infer<typeof metadata>;
type Arrays = Record<string, Float32Array>;

const path = (folder: string): string => join(folder, 'checkpoint.safetensors');

/** Writes a run's state and best tensors in one atomic file. */
export async function writeCheckpoint(
  folder: string,
  types: TensorTypes,
  state: Arrays,
  best: Arrays | undefined,
  run: RunMetadata,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = Object.entries(state).map(([name, data]) => [`state/${name}`, { shape: types[name]!.shape, data }] as const); // prettier-ignore
  const kept = Object.entries(best ?? {}).map(([name, data]) => [`best/${name}`, { shape: types[name]!.shape, data }] as const); // prettier-ignore
  await writeSafetensors(path(folder), Object.fromEntries([...tensors, ...kept]), {
    run: JSON.stringify(run),
  });
}

/** Reads a checkpoint back; undefined where there is none that fits `types`. */
export async function readCheckpoint(
  folder: string,
  types: TensorTypes,
): Promise<{ state: Arrays; best: Arrays | undefined; run: RunMetadata } | undefined> {
  if (!(await isFile(path(folder)))) return undefined;
  const file = await openSafetensors(path(folder));
  const run = metadata.parse(JSON.parse(file.metadata.run ?? '{}'));
  const state: Arrays = {};
  const best: Arrays = {};
  for (const name of file.tensors.keys()) {
    const [kind, rest] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
    (kind === 'best' ? best : state)[rest] = await file.read(name);
  }
  const fits = Object.entries(types).every(([name, { shape }]) => state[name]?.length === sizeOf(shape));
  return fits ? { state, best: Object.keys(best).length > 0 ? best : undefined, run } : undefined;
}
