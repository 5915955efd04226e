/**
 * Checks on a GPU that training with state and weights in its memory gives what training through the host
 * gives, captured as CUDA graphs or not, and what it saves. Run it there after `npm run bench -- setup cuda`:
 *   node --import tsx test/gpu/check-device-memory.ts
 * Rehearse it anywhere: `--device cpu --base random-gpt2~layers=2,width=16,heads=2,vocab=60,positions=32`.
 * It stops at the first difference with exit code 1.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { median } from 'simple-statistics';
import { loadNative, type Native } from '../../harness/engine/onnxruntime/device/native.ts';
import { createOnnxEngine } from '../../harness/engine/onnxruntime/engine.ts';
import { buildDeviceBinding } from '../../harness/engine/setup/build-device-binding.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { TrainingResult } from '../../harness/training/loop/job.ts';
import { train } from '../../harness/training/loop/train.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    // GPT-2 medium.
    base: { type: 'string', default: 'random-gpt2~layers=24,width=1024,heads=16,vocab=50257,positions=1024' },
    batch: { type: 'string', default: '10' },
    length: { type: 'string', default: '96' },
    steps: { type: 'string', default: '20' },
  },
});
const [batch, steps] = [Number(values.batch), Number(values.steps)];

const base = await loadBase(values.base);
const { vocabulary, positions } = base.architecture;
const length = Math.min(Number(values.length), positions);
const examples = Array.from({ length: batch * steps }, (_, i) => {
  const ids = Array.from(randomStream(1, `example ${i}`).integers(length, vocabulary));
  return { prompt: ids.slice(0, 1), target: ids.slice(1) };
});

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
try {
  const file = join(folder, 'deltabench.node');
  await buildDeviceBinding(file);
  const native = loadNative(file)!;
  const methods = await loadMethods();
  for (const name of ['red', 'lora', 'full']) {
    const method = methods.get(name)!;
    const attached = method.attach(base, method.options.parse({}));
    const host = await run(attached, {});
    console.log(report(`${name} through the host`, host));
    for (const captures of [false, true]) {
      const place = captures ? 'captured as CUDA graphs' : 'in its memory';
      const device = await run(attached, { native, captures });
      console.log(report(`${name} ${place}`, device));
      const worst = largestDifference(device.result, host.result);
      if (!(worst < 1e-6)) throw new Error(`${name} ${place}: losses differ by ${worst}, more than 1e-6`);
    }
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** The largest relative difference of the losses of two runs. */
function largestDifference(first: TrainingResult, second: TrainingResult): number {
  const [losses, others] = [first, second].map(({ log }) => log.map(({ loss }) => loss));
  return Math.max(...losses!.map((loss, i) => Math.abs(loss - others![i]!) / Math.abs(others![i]!)));
}

/** Trains and takes the time of each step and the memory after the last. */
async function run(
  delta: Parameters<typeof train>[0]['delta'],
  place: { readonly native?: Native; readonly captures?: boolean },
): Promise<{ result: TrainingResult; milliseconds: number; memory: string }> {
  const engine = createOnnxEngine({
    device: values.device,
    threads: 2,
    precision: 'float32',
    recompute: false,
    ...place,
  });
  const times: number[] = [];
  let last = performance.now();
  const result = await train({
    engine,
    base,
    delta,
    seed: 1,
    folder: undefined,
    objective: languageModel(base.architecture, 0),
    train: examples,
    validation: [],
    recipe: recipeSchema.parse({ batchSize: batch, maxSteps: steps, learningRate: 1e-3, dropout: false }),
    onProgress: () => {
      times.push(performance.now() - last);
      last = performance.now();
    },
  });
  // The first steps compile.
  const milliseconds = median(times.slice(Math.ceil(times.length / 2)));
  return { result, milliseconds, memory: await deviceMemory() };
}

/** What nvidia-smi says is taken of the GPU's memory. */
async function deviceMemory(): Promise<string> {
  if (!values.device.startsWith('cuda')) return 'memory not asked for';
  const query = ['--query-gpu=memory.used', '--format=csv,noheader'];
  const { stdout } = await execa('nvidia-smi', query, { reject: false });
  return stdout.trim() || 'memory unknown (no nvidia-smi)';
}

function report(place: string, { milliseconds, memory }: { milliseconds: number; memory: string }): string {
  return `${place}: ${milliseconds.toFixed(1)} ms a step, ${memory}`;
}
