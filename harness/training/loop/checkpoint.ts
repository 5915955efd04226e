/**
 * A run's checkpoint: one safetensors file with everything that the run needs to go on as if it had never
 * stopped, and a hash over its content. The training loop writes and reads it; a file that cannot be used is
 * never an error, for the run can begin anew.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder, type BeforeRename } from '../../support/atomic-files.ts';
import { errorCode } from '../../support/errors.ts';
import { hashArrays } from '../../support/hash.ts';
import { kindOf } from '../../support/read-files.ts';
import { openSafetensors, writeSafetensors, type Safetensors } from '../../data/formats/safetensors.ts';
import type { TensorTypes } from '../../engine/types.ts';

const number = z.number().nullable();
const metadata = z
  .strictObject({
    step: z.int().min(0),
    bestStep: z.int().min(0),
    /**
     * The best evaluation's score, the larger the better: a metric, or −loss; null where it was not finite.
     */
    bestScore: number,
    waited: z.int().min(0),
    seconds: z.strictObject({ train: z.number().min(0), evaluate: z.number().min(0) }),
    log: z.array(
      z.strictObject({
        step: z.int(),
        loss: number,
        learningRate: z.number(),
        gradientNorm: number,
        milliseconds: z.number().min(0),
        tokens: z.int().min(0),
        // Checkpoints that older versions wrote have no shapes.
        shapes: z.array(z.string()).optional(),
      }),
    ),
    evaluations: z.array(
      z.strictObject({
        step: z.int().min(1),
        loss: number,
        metrics: z.record(z.string(), number).optional(),
        seconds: z.number().min(0),
      }),
    ),
  })
  .superRefine(({ step, bestStep, waited, log, evaluations }, { addIssue }) => {
    const wrong = (path: string, message: string): void => {
      addIssue({ code: 'custom', path: [path], message });
    };
    if (log.length !== step || log.some((row, i) => row.step !== i + 1)) {
      wrong('log', `it has not one row for each of ${step} steps`);
    }
    const steps = evaluations.map((evaluation) => evaluation.step);
    if (steps.some((at, i) => at > step || at <= (steps[i - 1] ?? 0))) {
      wrong('evaluations', `they do not follow one another up to step ${step}`);
    }
    if (bestStep === 0 ? steps.length > 0 : !steps.includes(bestStep)) {
      wrong('bestStep', `it is ${bestStep}, and no evaluation was there`);
    }
    if (waited !== steps.filter((at) => at > bestStep).length) {
      wrong('waited', 'it is not the number of evaluations since the best');
    }
  });

/**
 * What a run knows beside its tensors. Random streams start anew at each step, so the step stands for them.
 */
export type RunMetadata = z.infer<typeof metadata>;
type Arrays = Record<string, Float32Array>;

const path = (folder: string): string => join(folder, 'checkpoint.safetensors');

/** Writes a run's state and best tensors atomically; nothing is written where `beforeRename` throws. */
export async function writeCheckpoint(
  folder: string,
  types: TensorTypes,
  state: Arrays,
  best: Arrays | undefined,
  run: RunMetadata,
  beforeRename?: BeforeRename,
): Promise<void> {
  await beforeRename?.();
  await makeFolder(folder);
  const named = (kind: string, arrays: Arrays) =>
    Object.entries(arrays).map(
      ([name, data]) => [`${kind}/${name}`, { shape: types[name]!.shape, data }] as const,
    );
  const tensors = [...named('state', state), ...named('best', best ?? {})];
  const text = JSON.stringify(run);
  const data = new Map<string, Float32Array>(tensors.map(([name, tensor]) => [name, tensor.data]));
  const sha256 = await contentHash(text, [...data.keys()], (name) => Promise.resolve(data.get(name)!));
  await writeSafetensors(path(folder), Object.fromEntries(tensors), { run: text, sha256 }, { beforeRename });
}

/** A checkpoint that a run can go on from, or the reason why the file that was found is of no use. */
export type FoundCheckpoint =
  | { readonly state: Arrays; readonly best: Arrays | undefined; readonly run: RunMetadata }
  | { readonly reason: string };

/**
 * Reads a run's checkpoint; undefined where there is none. Never throws: the run computes again what cannot
 * be used. `types` are the tensors of the state, `kept` the names of those that the best evaluation keeps.
 */
export async function readCheckpoint(
  folder: string,
  types: TensorTypes,
  kept: readonly string[],
  totalSteps: number,
): Promise<FoundCheckpoint | undefined> {
  try {
    const found = await stat(path(folder));
    if (!found.isFile()) return { reason: `it is ${kindOf(found)}, not a file` };
    const file = await openSafetensors(path(folder));
    return await readSound(file, types, kept, totalSteps);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    return { reason: error instanceof Unsound ? error.message : 'it is no whole safetensors file' };
  }
}

/** Removes whatever lies at a checkpoint's path. */
export async function removeCheckpoint(folder: string): Promise<void> {
  await rm(path(folder), { recursive: true, force: true });
}

/** Why a checkpoint's file is of no use; never leaves this file. */
class Unsound extends Error {}

async function readSound(
  file: Safetensors,
  types: TensorTypes,
  kept: readonly string[],
  totalSteps: number,
): Promise<FoundCheckpoint> {
  const { run: text, sha256 } = file.metadata;
  if (text === undefined || sha256 === undefined) throw new Unsound('another version of deltabench wrote it');
  const names = [...file.tensors.keys()];
  const read = new Map<string, Float32Array>();
  const keep = async (name: string): Promise<Float32Array> => {
    const data = await file.read(name);
    read.set(name, data);
    return data;
  };
  if (names.some((name) => file.tensors.get(name)!.dtype !== 'F32')) {
    throw new Unsound('its tensors are not float32');
  }
  if ((await contentHash(text, names, keep)) !== sha256) {
    throw new Unsound('its content does not fit its hash; it was damaged or changed');
  }
  const run = parseMetadata(text);
  if (run.step > totalSteps) throw new Unsound(`it is of step ${run.step}, and the run has ${totalSteps}`);
  const arraysOf = (kind: 'state' | 'best', tensors: readonly string[]): Arrays =>
    Object.fromEntries(
      tensors.map((name) => {
        const stored = file.tensors.get(`${kind}/${name}`);
        if (stored?.shape.join() !== types[name]!.shape.join()) {
          const how = stored ? "has another shape than the run's" : 'is missing';
          throw new Unsound(`its tensor ${kind}/${name} ${how}`);
        }
        return [name, read.get(`${kind}/${name}`)!];
      }),
    );
  const state = arraysOf('state', Object.keys(types));
  const best = run.bestStep > 0 ? arraysOf('best', kept) : undefined;
  if (names.length !== Object.keys(state).length + Object.keys(best ?? {}).length) {
    throw new Unsound('it holds tensors that the run does not have');
  }
  return { state, best, run };
}

function parseMetadata(text: string): RunMetadata {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Unsound('what it says of the run is not JSON');
  }
  const parsed = metadata.safeParse(json);
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]!.path.join('.');
  throw new Unsound(`what it says of the run is wrong${at && ` at ${at}`}`);
}

/** The sha256 of a checkpoint: over its metadata, then over its tensors in the order of their names. */
function contentHash(
  text: string,
  names: readonly string[],
  read: (name: string) => Promise<Float32Array>,
): Promise<string> {
  async function* arrays(): AsyncGenerator<readonly [string, Float32Array]> {
    for (const name of [...names].sort()) yield [`\n${name}\n`, await read(name)];
  }
  return hashArrays(text, arrays());
}
