/** Writes runs of the task metamath as peft's method_comparison writes its results; `report --format peft`. */
import { basename } from 'node:path';
import { mean } from 'simple-statistics';
import { readParsed } from '../../records/read-records.ts';
import type { RunRecord } from '../../records/record.ts';
import { parseSteps, type Step } from '../../records/beside/step-log.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import type { Report } from '../report/report.ts';
import type { ReportRun } from '../report/rows.ts';
import { slugOf } from '../report/rows.ts';
import type { ResultFile } from './result-file.ts';

/** The task whose accuracy is the app's. */
const TASK = 'metamath';

/** The result files by their paths; none where no run is of the task. */
export async function peftResults({ tables }: Report): Promise<Record<string, string>> {
  const runs = tables.flatMap(({ rows }) => rows.flatMap((row) => row.runs));
  const files = await Promise.all(
    runs
      .filter(({ record }) => record.settings.task.name === TASK)
      .map(async (run) => {
        const name = experimentOf(run);
        // A log that cannot be read is told by any report.
        const steps = (await readParsed(run.folder, run, 'steps', parseSteps)) ?? [];
        const content = resultOf(name, run.record, steps, run.adapterBytes ?? 0);
        return [
          `peft/${name.replaceAll('/', '--')}.json`,
          `${JSON.stringify(content, undefined, 2)}\n`,
        ] as const;
      }),
  );
  return Object.fromEntries(files);
}

/** The experiment's name in peft's form, method and variant; the record's file tells runs of a variant apart. */
function experimentOf({ path, record, from }: ReportRun): string {
  const method = record.settings.methods.map(({ name }) => name).join('+');
  const parts = [
    slugOf(record.settings.model.id),
    record.method.variant,
    basename(path, '.json'),
    from ?? '',
  ];
  return `${method}/${parts.filter((part) => part !== '').join('-')}`;
}

function resultOf(name: string, record: RunRecord, steps: readonly Step[], bytes: number): ResultFile {
  const { settings, seconds, parameters, peakMemoryBytes, peakDeviceBytes = peakMemoryBytes } = record;
  const all = sum(Object.values(seconds));
  return {
    run_info: {
      // The app reads all times in the form of the first: whole seconds and an offset.
      created_at: record.started.replace(/(\.\d+)?Z$/, '+00:00'),
      total_time: all,
      experiment_name: name,
      peft_branch: 'deltabench',
      peft_worktree_is_dirty: record.code.dirty ?? false,
      train_config: trainConfig(record),
      peft_config: peftConfig(record),
      error_msg: record.error ? `${record.error.name}: ${record.error.message}` : '',
    },
    train_info: {
      accelerator_memory_reserved_avg: peakDeviceBytes,
      accelerator_memory_max: peakDeviceBytes,
      accelerator_memory_reserved_99th: peakDeviceBytes,
      // peft's time of training has the answers to the test, and not validation.
      train_time: all - (seconds.evaluate ?? 0),
      file_size: bytes,
      num_trainable_params: parameters.trained,
      num_total_params: parameters.all,
      status: record.status === 'finished' ? 'success' : 'failed',
      metrics: metricsOf(record, steps),
    },
    meta_info: {
      model_info: { sha: settings.model.hash, created_at: null },
      dataset_info: { [settings.data.name]: { sha: settings.data.hash, created_at: null } },
      package_info: {
        'transformers-version': null,
        'peft-version': null,
        'datasets-version': null,
        'bitsandbytes-version': null,
        'torch-version': null,
        'deltabench-version': record.code.version,
        'deltabench-commit-hash': record.code.commit,
        ...record.environment.packages,
      },
      system_info: {
        system: record.environment.platform,
        processor: record.environment.cpu,
        accelerator: record.engine.device,
      },
      pytorch_info: `none: deltabench on ${record.engine.name}`,
    },
  };
}

/** The settings under peft's names. */
function trainConfig({ settings, engine }: RunRecord): ResultFile['run_info']['train_config'] {
  const { recipe, model, precision, seed, baseWeights } = settings;
  return {
    model_id: model.id,
    dtype: baseWeights ?? (precision === 'tf32' ? 'float32' : precision),
    max_seq_length: recipe.promptLength,
    batch_size: recipe.batchSize,
    max_steps: recipe.maxSteps ?? null,
    eval_steps: recipe.evaluateEvery ?? null,
    compile: false,
    use_gc: engine.recompute ?? false,
    query_template: 'Question: {query} Think step by step.\nAnswer:',
    seed,
    grad_norm_clip: recipe.clip,
    optimizer_type: recipe.optimizer === 'sgd' ? 'SGD' : 'AdamW',
    optimizer_kwargs: { lr: recipe.learningRate, weight_decay: recipe.weightDecay },
    lr_scheduler: recipe.schedule,
    use_amp: false,
    autocast_adapter_dtype: true,
    generation_kwargs: { max_new_tokens: recipe.maxNewTokens },
    deltabench_protocol: settings.protocol,
  };
}

/** The method with its options; null of full fine-tuning, as in peft's files. */
function peftConfig({ settings, method }: RunRecord): ResultFile['run_info']['peft_config'] {
  const [only, ...others] = settings.methods;
  if (only!.name === 'full' && others.length === 0) return null;
  const type = settings.methods.map(({ name }) => name.toUpperCase().replaceAll('-', '_')).join('+');
  const options = others.length === 0 ? only!.options : { methods: settings.methods };
  return { peft_type: type, base_model_name_or_path: settings.model.id, variant: method.variant, ...options };
}

/** An entry for each evaluation, then the test's. */
function metricsOf(record: RunRecord, steps: readonly Step[]): ResultFile['train_info']['metrics'] {
  const { recipe } = record.settings;
  const { training } = record;
  const every = recipe.evaluateEvery ?? steps.length;
  const samplesAt = (step: number): number => step * recipe.batchSize;
  const before = (step: number): readonly Step[] => steps.slice(Math.max(0, step - every), step);
  const lossAt = (step: number): number | null => {
    const losses = before(step).flatMap(({ loss }) => loss ?? []);
    return losses.length > 0 ? mean(losses) : null;
  };
  const validated = (training?.evaluations ?? []).map(({ step, metrics, seconds }) => ({
    step,
    'valid accuracy': metrics?.accuracy ?? null,
    'train loss': lossAt(step),
    'train samples': samplesAt(step),
    'train time': sum(before(step).map(({ milliseconds }) => milliseconds)) / 1000,
    'eval time': seconds,
  }));
  const accuracy = record.metrics.find(({ name }) => name === 'accuracy')?.value;
  if (accuracy === undefined) return validated;
  const last = training?.steps ?? 0;
  const tested = {
    step: last,
    'test accuracy': accuracy,
    // The app takes a number; a run that trained nothing has none.
    'train loss': lossAt(last) ?? 0,
    'train samples': samplesAt(last),
    'train total tokens': sum(steps.map(({ tokens = 0 }) => tokens)),
  };
  return [...validated, tested];
}
