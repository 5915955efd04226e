/**
 * Opens a base model by name: a built-in one, a random one, a folder in Hugging Face layout, or a hub id.
 * Before anything is computed, a checkpoint's tensors must match the names and shapes that config.json
 * implies.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCheckpoint, openCheckpoint, type Checkpoint } from '../../data/formats/checkpoint.ts';
import { withoutSecrets } from '../../support/network/addresses.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import { hashFile } from '../../support/hash.ts';
import { fetchFromHub, type HubRequest } from '../../data/hub/hub.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import { loadTokenizer, type Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import {
  type BaseWeights,
  baseWeightsText,
  largestBlock,
  type Quantization,
  splitQuantization,
} from './base-weights.ts';
import { builtinFolder, builtinModels, isBuiltin } from './built-in.ts';
import { describeArchitecture } from '../families/registry.ts';
import { type Architecture, heldShapes, ownHeadName } from '../architecture.ts';
import { type FourBitCheckpoint, fourBitCheckpoint } from './four-bit-checkpoint.ts';
import { type GptqCheckpoint, gptqCheckpoint } from './gptq-checkpoint.ts';
import { forcedTokens } from './generation-config.ts';
import { packBase } from './packed-base.ts';
import { publicConfigs } from './public-configs.ts';
import { randomBase } from './random-base.ts';
import { findStoredHead, meanHeadFile } from './stored-head.ts';
import { copiesOfEmbedding, findOwnHead, lacksOutput, requireOutput } from './tied-head.ts';
import type { Shape } from '../edits.ts';
import { baseModel, type BaseModel } from '../base-model.ts';

/** The names that safetensors has for the types that engines map. */
const DTYPE = { float32: 'F32', bfloat16: 'BF16', float16: 'F16' } as const;

/** How a base is opened, beside its name. */
export interface BaseOptions extends FetchOptions {
  /**
   * How the weights of linear modules are kept, null for float32; where absent, as the checkpoint has them if
   * they are of four bits, otherwise float32.
   */
  readonly baseWeights?: BaseWeights | null | undefined;
  /**
   * Fetches a hub's model at once, so that its tensors decide what config.json leaves open: whether the
   * output weight is the embedding.
   */
  readonly weights?: boolean;
  /** The folder of a tokenizer in place of the base's own. */
  readonly tokenizer?: string | undefined;
  /** The folder DELTABENCH_DATA; a random base takes its tokenizer from tokenizers/<family> in it. */
  readonly data?: string | undefined;
  /** Reports the progress of files that are fetched from the hub. */
  readonly onFetch?: HubRequest['onProgress'];
}

/**
 * Opens a base model by name. Of a hub's model only config.json is read, unless `weights` is set; the weights
 * and the tokenizer are fetched when they are first read. Throws UsageError if there is no such model or its
 * architecture is not supported.
 */
export async function loadBase(id: string, options: BaseOptions = {}): Promise<BaseModel> {
  const base = await openBase(id, options);
  const { baseWeights } = options;
  if (!baseWeights || base.weights) return base;
  return packBase(base, baseWeights);
}

async function openBase(id: string, options: BaseOptions): Promise<BaseModel> {
  if (id.startsWith('random-')) return fromRandom(id, options);
  if (isBuiltin(id)) return fromFolder(id, builtinFolder(id), options);
  const isFolder = await stat(id).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (isFolder) return fromFolder(id, id, options);
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id) || id.startsWith('.')) {
    throw new UsageError(
      `There is no model folder "${withoutSecrets(id)}".${didYouMean(id, builtinModels)} ` +
        '"list models" shows what there is.',
    );
  }
  const whole = async (): Promise<BaseModel> =>
    fromFolder(id, await fetchFiles(id, isModelFile, options, options.onFetch), options);
  if (options.weights) return whole();
  const known = publicConfigs[id];
  if (known) return described(id, known, describeArchitecture(known, id), whole);
  const folder = await fetchFiles(id, (path) => path === 'config.json', options).catch((error: unknown) => {
    throw withNearName(id, error);
  });
  const { config, architecture } = await readConfig(folder);
  return described(id, config, architecture, whole);
}

/**
 * Puts a suggestion before the error of a base that could not be fetched: a misspelt name is likelier than a
 * fault of the network.
 */
function withNearName(id: string, error: unknown): unknown {
  const near = didYouMean(id, [...builtinModels, ...Object.keys(publicConfigs)]);
  if (!(error instanceof UsageError) || near === '') return error;
  return new UsageError(`No base inside is called "${id}".${near} As a name on the hub: ${error.message}`, {
    cause: error,
  });
}

async function fetchFiles(
  repo: string,
  files: (path: string) => boolean,
  { signal, onNote }: FetchOptions,
  onProgress?: HubRequest['onProgress'],
): Promise<string> {
  return (
    await fetchFromHub({ repo, type: 'model', files, signal, onNote, ...(onProgress && { onProgress }) })
  ).folder;
}

const isTokenizerFile = (path: string): boolean =>
  /^(tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json$/.test(path) ||
  /^(merges|vocab)\.txt$|^(tokenizer|spiece|spm|sentencepiece\.bpe)\.model$/.test(path);
/** Whether a file belongs to a base; other frameworks' copies of the weights do not. */
const isModelFile = (path: string): boolean =>
  isTokenizerFile(path) ||
  /^(config|generation_config)\.json$|^model.*\.safetensors(\.index\.json)?$/.test(path) ||
  path === meanHeadFile;

type Config = Readonly<Record<string, unknown>>;

interface ReadConfig {
  /** The contents of config.json without `quantization_config`. */
  readonly config: Config;
  readonly architecture: Architecture;
  /** What its checkpoint's linear weights are codes of, where they are. */
  readonly quantization?: Quantization;
}

async function readConfig(folder: string): Promise<ReadConfig> {
  const path = join(folder, 'config.json');
  if (!(await isFile(path))) {
    throw new UsageError(`${folder} is no model folder in Hugging Face layout: it has no config.json.`);
  }
  const read = splitQuantization((await readJson(path)) as Config, path);
  return { ...read, architecture: describeArchitecture(read.config, path) };
}

async function fromFolder(id: string, folder: string, options: BaseOptions): Promise<BaseModel> {
  const { config, architecture: said, quantization } = await readConfig(folder);
  const tokenizer = (): Promise<Tokenizer> => loadTokenizer(options.tokenizer ?? folder);
  if (!(await hasCheckpoint(folder))) {
    // The first read throws openCheckpoint's error, which says which files it looked for.
    const later = async (): Promise<BaseModel> => {
      await openCheckpoint(folder);
      return fromFolder(id, folder, options);
    };
    return { ...described(id, config, said, later), folder: () => Promise.resolve(folder), tokenizer };
  }
  const plain = await openCheckpoint(folder);
  const quantized = quantization && (await quantizedCheckpoint(plain, id, said, quantization));
  const checkpoint = quantized ?? plain;
  const ownHead = await findOwnHead(id, said, checkpoint);
  const architecture = describeArchitecture(config, join(folder, 'config.json'), ownHead);
  const lacking = lacksOutput(said, checkpoint) ? ({ lacksOutput: true } as const) : {};
  const { stored, unused } = matchTensors(id, checkpoint, architecture, lacking);
  const ownFolder = () => Promise.resolve(folder);
  const forced =
    said.kind === 'encoder-decoder' ? await forcedTokens({ id, config, folder: ownFolder }) : undefined;
  const heads = await findStoredHead(folder, config, architecture, checkpoint);
  const base = baseModel({
    id,
    config,
    architecture,
    unused,
    ...lacking,
    ...(forced && { forcedTokens: forced }),
    ...heads,
    async tensor(name) {
      const found = stored.get(name);
      if (found === undefined && isOutputBias(architecture, name))
        return new Float32Array(architecture.vocabulary);
      if (name === ownHeadName) requireOutput({ id, ...lacking });
      if (found === undefined) {
        throw new UsageError(`The checkpoint of ${id} has no ${name}, which is needed here.`);
      }
      return checkpoint.read(found);
    },
    location(name, type = 'float32') {
      const found = stored.get(name);
      if (found === undefined) return undefined;
      const { dtype, file, offset } = checkpoint.location(found);
      return dtype === DTYPE[type] ? { file, offset } : undefined;
    },
    folder: () => Promise.resolve(folder),
    tokenizer,
    hash: async () => hashWithHead(folder, await checkpoint.hash()),
  });
  return quantized ? keepCodes(base, quantized, stored, options.baseWeights) : base;
}

const isOutputBias = (architecture: Architecture, name: string): boolean =>
  architecture.kind !== 'encoder' && name === architecture.outputBias;

type QuantizedCheckpoint = FourBitCheckpoint | GptqCheckpoint;

const quantizedCheckpoint = (
  plain: Checkpoint,
  id: string,
  architecture: Architecture,
  quantization: Quantization,
): Promise<QuantizedCheckpoint> =>
  quantization.by === 'gptq'
    ? gptqCheckpoint(plain, id, architecture, quantization.config)
    : fourBitCheckpoint(plain, id, architecture.transposed);

/** A base that keeps its checkpoint's codes of four bits, unless others or float32 were asked for. */
function keepCodes(
  base: BaseModel,
  { weights, codes }: QuantizedCheckpoint,
  stored: ReadonlyMap<string, string>,
  asked: BaseOptions['baseWeights'],
): BaseModel {
  if (asked === null) return base;
  const [given, own] = [baseWeightsText(asked), baseWeightsText(weights)];
  if (asked !== undefined && given !== own) {
    throw new UsageError(
      `--base-weights ${given}: the checkpoint of ${base.id} is ${own} already; leave the option out, or give float32.`,
    );
  }
  const kept =
    'blockSize' in weights ? { ...weights, blockSize: Math.min(weights.blockSize, largestBlock) } : weights;
  return packBase(base, kept, (name) => codes(stored.get(name) ?? name));
}

/** Gives the checkpoint's hash, combined with that of a head's file beside it if there is one. */
async function hashWithHead(folder: string, hash: string): Promise<string> {
  const path = join(folder, meanHeadFile);
  if (!(await isFile(path))) return hash;
  return createHash('sha256')
    .update(`${hash} ${await hashFile(path)}`)
    .digest('hex');
}

/** Makes a base from config.json alone; `open` fetches the weights when something needs them. */
function described(
  id: string,
  config: Config,
  architecture: Architecture,
  open: () => Promise<BaseModel>,
): BaseModel {
  let opened: Promise<BaseModel> | undefined;
  const whole = (): Promise<BaseModel> => (opened ??= open());
  return baseModel({
    id,
    config,
    architecture,
    tensor: async (name) => (await whole()).tensor(name),
    folder: async () => (await whole()).folder!(),
    tokenizer: async () => (await whole()).tokenizer(),
    hash: async () => (await whole()).hash(),
  });
}

/**
 * Maps each tensor of the architecture to its name in the checkpoint, and lists the checkpoint's tensors that
 * nothing reads. Throws UsageError if a tensor is missing, unless it is the output weight and `lacking` says so, has
 * another shape, or is unknown to config.json.
 */
function matchTensors(
  id: string,
  checkpoint: Checkpoint,
  architecture: Architecture,
  lacking: Pick<BaseModel, 'lacksOutput'>,
): { stored: ReadonlyMap<string, string>; unused: readonly string[] } {
  const left = new Set(checkpoint.names);
  const stored = new Map<string, string>();
  const place = (name: string, shape: Shape): boolean => {
    const found = [name, ...(architecture.aliases?.(name) ?? [])].find((candidate) => left.has(candidate));
    if (found === undefined) return false;
    const actual = checkpoint.shape(found);
    if (actual.join() !== shape.join()) {
      throw new UsageError(
        `The checkpoint of ${id} gives ${found} the shape [${actual.join(', ')}], ` +
          `config.json says [${shape.join(', ')}].`,
      );
    }
    left.delete(found);
    stored.set(name, found);
    return true;
  };
  const needed = Object.entries(architecture.shapes).filter(
    ([name]) => name !== ownHeadName || !lacking.lacksOutput,
  );
  const missing = needed.filter(([name, shape]) => !place(name, shape));
  if (architecture.kind === 'encoder') {
    for (const [name, shape] of Object.entries(architecture.pooler ?? {})) place(name, shape);
  }
  for (const [name, shape] of Object.entries(heldShapes(architecture))) {
    if (!(name in architecture.shapes)) place(name, shape);
  }
  for (const copy of copiesOfEmbedding(architecture)) left.delete(copy);
  const others = [...left].filter((name) => !architecture.isBuffer(name));
  const extra = others.filter((name) => !architecture.isOtherHead?.(name));
  const problems = [
    ...(missing.length > 0
      ? [`lacks ${missing.length} of its tensors: ${few(missing.map(([name]) => name))}`]
      : []),
    ...(extra.length > 0 ? [`has ${extra.length} that config.json knows nothing of: ${few(extra)}`] : []),
  ];
  if (problems.length > 0) throw new UsageError(`The checkpoint of ${id} ${problems.join('; it ')}.`);
  return { stored, unused: others };
}

const few = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');

function fromRandom(id: string, options: BaseOptions): BaseModel {
  const { config, architecture, hash, tensor, tokenizer } = randomBase(id);
  return baseModel({
    id,
    config,
    architecture,
    tensor: (name) => Promise.resolve().then(() => tensor(name)),
    async tokenizer() {
      const given = options.tokenizer ?? (options.data && join(options.data, 'tokenizers', tokenizer.folder));
      if (given) return loadTokenizer(given);
      try {
        return await loadTokenizer(await fetchFiles(tokenizer.repo, isTokenizerFile, options));
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        throw new UsageError(
          `${error.message} A random base takes its family's tokenizer from there; give one with --tokenizer DIR, ` +
            `or set DELTABENCH_DATA to a folder with tokenizers/${tokenizer.folder}.`,
          { cause: error },
        );
      }
    },
    hash: () => Promise.resolve(hash),
  });
}
