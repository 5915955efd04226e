/** Opens what is evaluated: a base as it is, a base with an adapter, or the model that a run trained. */
import { UsageError } from '../../support/errors.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { TrainedTensors } from '../../decoding/programs.ts';
import { startFrom } from '../../exchange/adapter.ts';
import { initialize, trainedShapes } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { attachMethods } from '../cell/attach-method.ts';
import { baseOptions } from '../plan/data-source.ts';
import { loadMethods } from '../plan/load-plugins.ts';
import type { EvaluationSettings } from '../../records/evaluation-record.ts';

/** Says what to evaluate: a base, by `model`, alone or with an adapter, or a run, by its record. */
export interface SubjectRequest {
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  /** The path of a run's record. */
  readonly record?: string | undefined;
  readonly tokenizer?: string | undefined;
}

/** A base with a method and its trained tensors, ready to be evaluated. */
export interface Subject {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly delta: Delta;
  readonly tensors: TrainedTensors;
  readonly methods: EvaluationSettings['methods'];
  /** sha256 of the run's file of tensors or of the adapter's content; null if nothing is trained. */
  readonly trained: string | null;
  /** The name of the folder of records; `label` is the name in tables. */
  readonly variant: string;
  readonly label: string;
}

/**
 * Opens the subject of a request. Throws UsageError if a part is missing, the parts do not fit, or the base
 * is no decoder.
 */
export async function openSubject(request: SubjectRequest): Promise<Subject> {
  const subject = await open(request);
  const { base } = subject;
  if (base.architecture.kind === 'decoder') return subject;
  throw new UsageError(
    `${base.id} is an ${base.architecture.kind} (${base.family}); evaluations score decoders: give a GPT-2 or a Llama.`,
  );
}

async function open({ model, adapter, record, tokenizer }: SubjectRequest): Promise<Subject> {
  if (record !== undefined) return openRecord(record, { model, tokenizer });
  if (model === undefined) throw new UsageError('Say what to evaluate with --model, or a run with --record.');
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const base = await loadBase(model, { ...baseOptions(tokenizer, undefined), weights: true });
  const common = { base, tokenizer: await base.tokenizer() };
  if (adapter === undefined) {
    return {
      ...common,
      delta: { trained: {} },
      tensors: {},
      methods: [],
      trained: null,
      variant: 'none',
      label: 'Frozen base',
    };
  }
  const { openStartingAdapter } = await import('../plan/starting-adapter.ts');
  const { start, variant } = await openStartingAdapter(adapter, base, await loadMethods());
  const begun = startFrom(base, await attachMethods(variant, base), start.adapter, adapter);
  return {
    ...common,
    ...begun,
    tensors: await initialTensors(begun),
    methods: variant.parts.map(({ method, options }) => ({ name: method.name, options })),
    trained: start.hash,
    variant: variant.name,
    label: variant.label,
  };
}

/**
 * Gives all tensors of a method, those of the base that it trains included, with the values of an adapter.
 */
async function initialTensors({ base, delta }: { base: BaseModel; delta: Delta }): Promise<TrainedTensors> {
  const specs = { ...delta.trained, ...delta.frozen, ...delta.state };
  const shapes = { ...trainedShapes(base, delta), ...shapesOf(specs) };
  const values = await initialize(specs, base, 0);
  return Object.fromEntries(
    await Promise.all(
      Object.entries(shapes).map(
        async ([name, shape]) => [name, { shape, data: values[name] ?? (await base.tensor(name)) }] as const,
      ),
    ),
  );
}

const shapesOf = (specs: Delta['trained']) =>
  Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, shape]));

async function openRecord(
  path: string,
  options: Pick<SubjectRequest, 'model' | 'tokenizer'>,
): Promise<Subject> {
  const { openTrainedRun } = await import('../outcome/open-run.ts');
  const { record, base, tokenizer, delta, values, parts } = await openTrainedRun(path, options);
  const shapes = { ...trainedShapes(base, delta), ...shapesOf({ ...delta.frozen, ...delta.state }) };
  const tensors = Object.fromEntries(
    Object.entries(values).map(([name, data]) => [name, { shape: shapes[name]!, data }]),
  );
  return {
    base,
    tokenizer,
    delta,
    tensors,
    methods: parts.map(({ method, options }) => ({ name: method.name, options })),
    // openTrainedRun has checked that the file has this hash.
    trained: record.files.tensors!.sha256,
    variant: `${record.method.variant}~seed=${record.settings.seed}`,
    label: record.method.label,
  };
}
