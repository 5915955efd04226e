import { copyFile, mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { encodeAhead } from '../../data/tokenizers/encode-at-once.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { isFile, readBytes, readJson } from '../../support/read-files.ts';
import { hashFile, sha256 } from '../../support/hash.ts';
import { writeSafetensors } from '../../data/formats/safetensors.ts';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { trainTokenizer } from '../../data/tokenizers/training/train.ts';
import { createEngine } from '../../engine/create.ts';
import { familyNames } from '../../models/families/registry.ts';
import { maskedHead } from '../../models/delta/masked-head.ts';
import { newBase } from '../../models/bases/new-base.ts';
import { randomStream } from '../../support/random-stream.ts';
import type { FamilyName } from '../../models/edits.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import {
  encodeDocument,
  packPieces,
  type Document,
  type Piece,
} from '../../training/pretraining/documents.ts';
import {
  causalSequence,
  corruptedSequence,
  maskedSequence,
  type Sequence,
} from '../../training/pretraining/draw.ts';
import { pretraining, type Row } from '../../training/pretraining/objective.ts';
import { readDocuments } from '../../training/pretraining/read-texts.ts';
import { unigramLoss } from '../../training/pretraining/unigram.ts';
import { recipeSchema, type Recipe } from '../../training/recipe.ts';
import { train } from '../../training/loop/train.ts';
import { Diverged, type StepProgress, type TrainingResult } from '../../training/loop/job.ts';
import { hashJson } from '../../support/canonical-json.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import { checkOptions, parseOption, splitSetting, type Options } from '../plan/option-values.ts';
import { baseReadme } from './readme.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { type PretrainRecord, type PretrainRequest, recordSchema } from './record.ts';

export interface PretrainOptions {
  readonly signal: AbortSignal;
  onProgress(progress: StepProgress): void;
  /** Something that the user should know; one line. */
  onNote?(text: string): void;
}

/** What a recipe says where nothing else is asked for. */
const defaults: Options = {
  batchSize: 16,
  warmup: 0.05,
  schedule: 'cosine',
  weightDecay: 0.01,
  clip: 1,
  dropout: false,
};
/** T5 begins with embeddings fifty times as large as the others', which small steps hardly move. */
const learningRate = (family: FamilyName): number => (family === 't5' ? 1e-2 : 1e-3);
/** One document in so many is held out, and at most so many rows of them. */
const HELD_OUT = 50;
const VALIDATION_ROWS = 128;
/** Evaluations of a run, where the recipe does not say how many steps lie between them. */
const EVALUATIONS = 10;

const dtypes = { float16: 'F16', float32: 'F32' } as const;
type Dtype = keyof typeof dtypes;

/**
 * Trains a base from texts and writes it as a Hugging Face folder; goes on from what `<out>.work` holds. Gives the record
 * of a folder that is there already with these settings. Throws UsageError where something asked for cannot be used, and
 * Interrupted when `signal` is aborted.
 */
export async function pretrain(request: PretrainRequest, options: PretrainOptions): Promise<PretrainRecord> {
  const { steps, length, seed, threads } = request;
  const family = checkFamily(request.family);
  const dtype = checkDtype(request.dtype);
  const out = resolve(request.out);
  const work = `${out}.work`;
  const recipe = resolveRecipe(request.settings, family, steps);
  const { signal } = options;
  const reading = request.texts.map(async (path) => ({
    path,
    documents: await readDocuments(path),
    sha256: await hashFile(path),
  }));
  const files = await unlessAborted(Promise.all(reading), signal);
  const settings = {
    family,
    config: request.config,
    texts: files.map(({ path, sha256 }) => ({ name: basename(path), sha256 })),
    tokenizer: request.tokenizer ? (await loadTokenizer(request.tokenizer)).hash : request.vocabulary,
    steps,
    length,
    seed,
    recipe,
    dtype,
  };
  const identity = hashJson(settings);
  const done = await findDone(out, identity);
  if (done) return done;
  const code = await codeVersion();
  await clearWork(work, identity);
  const documents = files.flatMap((file) => file.documents);
  const tokenizer = await unlessAborted(findTokenizer(request, family, documents, work), signal);
  const base = newBase({ family, settings: request.config, tokenizer, length, seed });
  if (length > base.architecture.positions) {
    throw new UsageError(
      `--length ${length} is more than the ${base.architecture.positions} positions of --config.`,
    );
  }
  const data = split(documents, base, tokenizer, length, seed);
  // From here on the settings are known to serve.
  await writeFileAtomic(join(work, 'identity'), `${identity}\n`);
  const { draw, delta, objective } = setUp(base, tokenizer);
  const drawn = (rows: readonly Piece[][], stream: string): Row[] =>
    rows.map((row, r) => row.map((piece, p) => draw(piece, () => randomStream(seed, `${stream}/${r}/${p}`))));
  const perEpoch = Math.ceil(data.train.length / recipe.batchSize);
  const engine = await createEngine({ name: 'onnx', ...(threads !== undefined && { threads }) });
  const started = Date.now();
  const trainAt = (epoch: number): Row[] => drawn(data.train, `draw/${epoch}`);
  const [first, validation] = [trainAt(0), drawn(data.validation, 'draw/validation')];
  const result = await train<Row>({
    engine,
    base,
    delta,
    objective,
    train: first,
    trainAt,
    validation,
    recipe: { ...recipe, epochs: Math.ceil(steps / perEpoch), maxSteps: steps },
    seed,
    folder: work,
    signal: options.signal,
    onProgress: options.onProgress,
    onNote: (text) => options.onNote?.(text),
  });
  if (result.diverged !== undefined) throw new Diverged(result.diverged);
  const tokens = result.log.reduce((sum, step) => sum + step.tokens, 0);
  const record: PretrainRecord = {
    schema: 1,
    identity,
    settings,
    ...(request.terms !== undefined && { terms: request.terms }),
    parameters: Object.values(result.tensors).reduce((sum, { data: values }) => sum + values.length, 0),
    text: {
      documents: documents.length,
      trainRows: data.train.length,
      validationRows: data.validation.length,
      epochs: steps / perEpoch,
    },
    training: {
      steps: result.totalSteps,
      bestStep: result.bestStep,
      tokens,
      evaluations: result.evaluations.map((each) => ({ ...each })),
      unigramLoss: unigramLoss(first, validation, base.architecture.vocabulary),
      log: summarize(result),
    },
    seconds: { ...result.seconds, all: (Date.now() - started) / 1000 },
    tokensPerSecond: tokens / result.seconds.train,
    ...(result.resumedFrom !== undefined && { resumedFrom: result.resumedFrom }),
    code,
    environment: await describeEnvironment(threads ?? availableParallelism()),
  };
  await writeBase(out, { base, tokenizer, result, dtype, record, request, hashes: settings.texts });
  await rm(work, { recursive: true, force: true });
  return record;
}

function checkFamily(name: string): FamilyName {
  const found = familyNames.find((known) => known === name);
  if (found) return found;
  throw new UsageError(
    `There is no family "${name}".${didYouMean(name, familyNames)} There are ${familyNames.join(', ')}.`,
  );
}

function checkDtype(name: string): Dtype {
  if (name in dtypes) return name as Dtype;
  throw new UsageError(`--dtype ${name}: it can be ${Object.keys(dtypes).join(' or ')}.`);
}

function resolveRecipe(settings: readonly string[], family: FamilyName, steps: number): Recipe {
  const given: Options = {
    ...defaults,
    learningRate: learningRate(family),
    evaluateEvery: Math.ceil(steps / EVALUATIONS),
  };
  for (const setting of settings) {
    const { key, value } = splitSetting(setting);
    given[key] = parseOption('pretrain', recipeSchema, key, value);
  }
  // Every parameter has a gradient here, and adding them up over micro-batches takes as long as the products.
  given.microBatch ??= given.batchSize;
  return checkOptions('pretrain', recipeSchema, given) as Recipe;
}

/** The record of a finished base with these settings; undefined where the folder is free. */
async function findDone(out: string, identity: string): Promise<PretrainRecord | undefined> {
  const path = join(out, 'pretraining.json');
  if (await isFile(path)) {
    const parsed = recordSchema.safeParse(await readJson(path));
    if (parsed.success && parsed.data.identity === identity) return parsed.data;
    throw new UsageError(`${out} holds a base of other settings; remove it or choose another --out.`);
  }
  if (await isFile(join(out, 'config.json'))) {
    throw new UsageError(`${out} holds another base; remove it or choose another --out.`);
  }
  return undefined;
}

/** Empties the working folder unless it holds the beginning of a base; throws UsageError if of other settings. */
async function clearWork(work: string, identity: string): Promise<void> {
  const path = join(work, 'identity');
  if (await isFile(path)) {
    const found = String(await readBytes(path)).trim();
    if (found === identity) return;
    // What does not say whose it is cannot be gone on with.
    if (/^[0-9a-f]{64}$/.test(found))
      throw new UsageError(
        `${work} holds the beginning of a base of other settings; remove it or choose another --out.`,
      );
  }
  await rm(work, { recursive: true, force: true });
  await makeFolder(work);
}

async function findTokenizer(
  { tokenizer, vocabulary }: PretrainRequest,
  family: FamilyName,
  documents: readonly Document[],
  work: string,
): Promise<Tokenizer> {
  if (tokenizer) return loadTokenizer(tokenizer);
  const folder = join(work, 'tokenizer');
  if (!(await isFile(join(folder, 'tokenizer.json')))) {
    const texts = documents.flatMap((each) => ('text' in each ? [each.text] : [each.input, each.target]));
    const files = trainTokenizer(family, texts, vocabulary);
    await writeFolderAtomic(folder, async (temporary) => {
      for (const [name, json] of Object.entries(files)) await writeJson(join(temporary, name), json);
    });
  }
  return loadTokenizer(folder);
}

const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(value, undefined, 2)}\n`);

/** Rows to train on and rows held out; documents of one text or input stay together. */
function split(
  documents: readonly Document[],
  base: BaseModel,
  tokenizer: Tokenizer,
  length: number,
  seed: number,
): { train: Piece[][]; validation: Piece[][] } {
  const isHeldOut = (document: Document): boolean =>
    parseInt(sha256('text' in document ? document.text : document.input).slice(0, 8), 16) % HELD_OUT === 0;
  const parts = { train: [] as Piece[], validation: [] as Piece[] };
  const ahead = encodeAhead(
    tokenizer,
    documents.flatMap((document) => ('text' in document ? document.text : [document.input, document.target])),
  );
  for (const document of documents) {
    const pieces = encodeDocument(document, base.architecture.kind, ahead, length);
    (isHeldOut(document) ? parts.validation : parts.train).push(...pieces);
  }
  if (parts.train.length === 0 || parts.validation.length === 0) {
    throw new UsageError(
      `${documents.length} documents are too few: one in ${HELD_OUT} is held out for the evaluation loss. Part texts by blank lines, or give more.`,
    );
  }
  return {
    train: packPieces(parts.train, length, seed),
    validation: packPieces(parts.validation, length, seed).slice(0, VALIDATION_ROWS),
  };
}

/** What a base of its kind learns from, and how. */
function setUp(
  base: BaseModel,
  tokenizer: Tokenizer,
): {
  draw(piece: Piece, random: () => ReturnType<typeof randomStream>): Sequence;
  delta: Delta;
  objective: ReturnType<typeof pretraining>;
} {
  const { architecture } = base;
  const everything: Delta = { trained: {}, unfreezes: () => true };
  switch (architecture.kind) {
    case 'decoder':
      return { draw: causalSequence, delta: everything, objective: pretraining(architecture, undefined) };
    case 'encoder': {
      const head = maskedHead(base);
      const mask = tokenizer.tokenId('<mask>') ?? tokenizer.tokenId('[MASK]');
      if (mask === undefined) throw new UsageError('The tokenizer has no mask token (<mask> or [MASK]).');
      const special = new Set([...tokenizer.template([[], []]).ids, mask]);
      const tokens = {
        mask,
        vocabulary: architecture.vocabulary,
        isSpecial: (id: number) => special.has(id),
      };
      return {
        draw: (piece, random) => maskedSequence(piece, random(), tokens),
        delta: { ...everything, trained: head.tensors },
        objective: pretraining(architecture, head),
      };
    }
    case 'encoder-decoder': {
      const end = tokenizer.eosId;
      if (end === undefined) throw new UsageError('The tokenizer names no end token.');
      const sentinels: number[] = [];
      for (let id; (id = tokenizer.tokenId(`<extra_id_${sentinels.length}>`)) !== undefined;)
        sentinels.push(id);
      if (sentinels.length === 0) throw new UsageError('The tokenizer has no sentinels (<extra_id_0>, …).');
      const tokens = { start: architecture.startToken, end, sentinels };
      return {
        draw: (piece, random) => corruptedSequence(piece, random(), tokens),
        delta: everything,
        objective: pretraining(architecture, undefined),
      };
    }
  }
}

/** The log's mean loss and gradient norm over as many stretches as there are evaluations. */
function summarize({ log }: TrainingResult): { step: number; loss: number; gradientNorm: number }[] {
  const size = Math.ceil(log.length / EVALUATIONS);
  return Array.from({ length: Math.ceil(log.length / size) }, (_, i) => {
    const part = log.slice(i * size, (i + 1) * size);
    const mean = (of: (step: (typeof part)[number]) => number): number =>
      part.reduce((sum, step) => sum + of(step), 0) / part.length;
    return {
      step: part.at(-1)!.step,
      loss: mean(({ loss }) => loss),
      gradientNorm: mean(({ gradientNorm }) => gradientNorm),
    };
  });
}

interface Finished {
  readonly base: BaseModel;
  readonly tokenizer: Tokenizer;
  readonly result: TrainingResult;
  readonly dtype: Dtype;
  readonly record: PretrainRecord;
  readonly request: PretrainRequest;
  readonly hashes: readonly { readonly name: string; readonly sha256: string }[];
}

/** The largest number that is finite in float16. */
const LARGEST_HALF = 65_504;

async function writeBase(out: string, finished: Finished): Promise<void> {
  const { base, tokenizer, result, dtype, record } = finished;
  for (const [name, { data }] of Object.entries(result.tensors)) {
    if (dtype === 'float16' && data.some((x) => Math.abs(x) > LARGEST_HALF))
      throw new UsageError(`${name} does not fit into float16; write it with --dtype float32.`);
  }
  const { bos_token_id, eos_token_id, pad_token_id, decoder_start_token_id } = base.config;
  await writeFolderAtomic(out, async (folder) => {
    await mkdir(folder, { recursive: true });
    await writeJson(join(folder, 'config.json'), { ...base.config, torch_dtype: dtype });
    await writeSafetensors(
      join(folder, 'model.safetensors'),
      result.tensors,
      { format: 'pt' },
      { dtype: dtypes[dtype] },
    );
    for (const path of tokenizer.files) await copyFile(path, join(folder, basename(path)));
    if (base.architecture.kind !== 'encoder') {
      const ids = { bos_token_id, eos_token_id, pad_token_id, decoder_start_token_id };
      await writeJson(join(folder, 'generation_config.json'), ids);
    }
    await writeJson(join(folder, 'pretraining.json'), record);
    await writeFileAtomic(join(folder, 'README.md'), baseReadme(out, finished));
  });
}
