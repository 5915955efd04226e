/** Opens what is evaluated: a base as it is, a base with an adapter, or the model that a run trained. */
import type { DataSource } from '../../data/examples/task.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import { UsageError } from '../../support/errors.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { TrainedTensors } from '../../decoding/programs.ts';
import { startFrom } from '../../exchange/adapter.ts';
import { scoreName } from '../../models/architecture.ts';
import { initialize, shapesOfValues } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { endTokens } from '../../models/bases/generation-config.ts';
import { requireOutput } from '../../models/bases/tied-head.ts';
import { parseBaseWeights } from '../../models/bases/base-weights.ts';
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
  /** How a base is kept, as `--base-weights` has it; a run's base is kept as it was in training. */
  readonly baseWeights?: string | undefined;
}

/** How files are found and fetched: where data were asked from, and who hears of the hub. */
interface Sourced {
  readonly source: DataSource | undefined;
  readonly fetching: FetchOptions;
}

/** What is known of a subject before its weights are opened: all that decides an evaluation's identity. */
export interface SubjectInfo extends Pick<
  EvaluationSettings,
  'model' | 'methods' | 'trained' | 'baseWeights'
> {
  /** The name of the folder of records; `label` is the name in tables. */
  readonly variant: string;
  readonly label: string;
}

/** A base with a method and its trained tensors, ready to be evaluated. */
export interface Subject extends SubjectInfo {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly delta: Delta;
  readonly tensors: TrainedTensors;
  /** The tokens at which transformers ends the base's texts. */
  readonly endTokens: readonly number[];
}

/** A subject that can be opened. */
export interface KnownSubject extends SubjectInfo {
  /** Its base, whose weights need not be opened. */
  readonly described: BaseModel;
  tokenizer(): Promise<Tokenizer>;
  /** Opens base and tensors; throws UsageError where they do not fit. */
  open(): Promise<Subject>;
}

/**
 * Finds the subject of a request. Throws UsageError if a part is missing, the parts do not fit, or the base
 * is no decoder. `source` is where data were asked from: a folder may hold the base's tokenizer.
 */
export async function findSubject(
  request: SubjectRequest,
  source: DataSource | undefined,
  fetching: FetchOptions = {},
): Promise<KnownSubject> {
  const { model, record } = request;
  if (record !== undefined) return findRun(record, { ...request, source, fetching });
  if (model === undefined) throw new UsageError('Say what to evaluate with --model, or a run with --record.');
  const subject = await openBase(model, { ...request, source, fetching });
  const tokenizer = (): Promise<Tokenizer> => Promise.resolve(subject.tokenizer);
  return {
    ...infoOf(subject),
    described: subject.base,
    tokenizer,
    open: () => Promise.resolve(subject),
  };
}

const infoOf = ({ model, methods, trained, baseWeights, variant, label }: SubjectInfo): SubjectInfo => ({
  model,
  methods,
  trained,
  ...(baseWeights && { baseWeights }),
  variant,
  label,
});

/** Throws UsageError where a base is no decoder, or one that predicts no tokens. */
export function checkDecoder(base: BaseModel): void {
  const { id, family, architecture } = base;
  requireOutput(base);
  if (architecture.kind === 'decoder') return;
  throw new UsageError(
    `${id} is an ${architecture.kind} (${family}); evaluations score decoders: give llama-mini, which is inside, ` +
      'or another one ("list families" tells which there are).',
  );
}

/** The error for a decoder that was trained under a head of classes, which took the place of its prediction. */
export const predictsNothing = (what: string): UsageError =>
  new UsageError(
    `${what}: trained under a head of classes (--protocol huggingface), a decoder predicts no tokens, ` +
      'which evaluations need.',
  );

/** Opens a base as it is, or with an adapter. */
async function openBase(
  model: string,
  { adapter, tokenizer, source, fetching, baseWeights }: SubjectRequest & Sourced,
): Promise<Subject> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const base = await loadBase(model, {
    ...baseOptions(tokenizer, source),
    ...fetching,
    weights: true,
    baseWeights: baseWeights === undefined ? undefined : parseBaseWeights(baseWeights),
  });
  checkDecoder(base);
  const own = await base.tokenizer();
  const common = {
    base,
    tokenizer: own,
    endTokens: await endTokens(base),
    model: { id: base.id, hash: await base.hash(), tokenizer: own.hash },
    ...(base.weights && { baseWeights: base.weights }),
  };
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
  const shapes = shapesOfValues(base, delta);
  const values = await initialize(specs, base, 0);
  return Object.fromEntries(
    await Promise.all(
      Object.entries(shapes).map(
        async ([name, shape]) => [name, { shape, data: values[name] ?? (await base.tensor(name)) }] as const,
      ),
    ),
  );
}

/** Finds what a run trained, by its record. */
async function findRun(path: string, options: SubjectRequest & Sourced): Promise<KnownSubject> {
  const { openTrainedRun, readTrainedRun, tensorsOf } = await import('../outcome/open-run.ts');
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const { record, parts } = await readTrainedRun(path);
  const { settings, method, files } = record;
  const found = { ...baseOptions(options.tokenizer, options.source), ...options.fetching };
  // As openTrainedRun keeps it: null is float32, also of a checkpoint that is in four bits.
  const baseWeights = settings.baseWeights ?? null;
  const described = await loadBase(options.model ?? settings.model.id, { ...found, baseWeights });
  checkDecoder(described);
  const info: SubjectInfo = {
    // The run is refused where its base or tokenizer has another hash.
    model: { ...settings.model, id: described.id },
    methods: parts.map(({ method, options }) => ({ name: method.name, options })),
    trained: files.tensors!.sha256,
    ...(settings.baseWeights && { baseWeights: settings.baseWeights }),
    variant: `${method.variant}~seed=${settings.seed}`,
    label: method.label,
  };
  return {
    ...info,
    described,
    tokenizer: () => described.tokenizer(),
    async open() {
      const run = await openTrainedRun(path, options);
      const { base, tokenizer, delta, head } = run;
      if (scoreName in head) throw predictsNothing(path);
      return { ...info, base, tokenizer, delta, tensors: tensorsOf(run), endTokens: await endTokens(base) };
    },
  };
}
