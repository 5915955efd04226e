/**
 * Heads in a classifier's checkpoint or an adapter: finds them, and starts a run's head from their values.
 */
import { join } from 'node:path';
import type { Checkpoint } from '../../data/formats/checkpoint.ts';
import { isFile } from '../../support/read-files.ts';
import { openSafetensors } from '../../data/formats/safetensors.ts';
import { type Architecture, type ClassifyingArchitecture, scoreName } from '../architecture.ts';
import { holdsPaperHead, nameInTransformers, type Head } from '../delta/heads.ts';
import type { Shape } from '../edits.ts';
import type { HeadName } from '../head-names.ts';
import type { BaseModel, HeadTensors, StoredHead } from '../base-model.ts';

/**
 * The file beside a checkpoint or an adapter that holds the head `mean`, which transformers does not have.
 */
export const meanHeadFile = 'head.safetensors';

/** The tensor of a head of transformers whose rows are its outputs. */
export const outputTensor =
  /^(classifier|classifier\.out_proj|classification_head\.out_proj)\.bias$|^score\.weight$/;

/** The tensors whose rows are the outputs of a head here or in transformers. */
const outputTensors =
  /^(classifier|classifier\.out_proj|classification_head\.out_proj|score)\.(weight|bias)$/;

/**
 * Finds the head in a checkpoint of a sequence classifier, or the layers before its output in one of another model
 * of the family: transformers begins a classifier with them.
 */
export async function findStoredHead(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  architecture: Architecture,
  checkpoint: Checkpoint,
): Promise<Pick<BaseModel, 'head' | 'headLayers'>> {
  const labels = describeLabels(config);
  const names = new Set(checkpoint.names);
  const shape = (name: string): Shape | undefined => (names.has(name) ? checkpoint.shape(name) : undefined);
  const tensors = { shape, tensor: (name: string) => checkpoint.read(name) };
  const { width: d } = architecture;
  if (architecture.kind === 'decoder') {
    const [outputs = 0, width] = shape(scoreName) ?? [];
    return width === d ? { head: { name: 'huggingface', outputs, ...labels, ...tensors } } : {};
  }
  const mean = await readMeanHead(folder);
  if (mean) return { head: { ...mean, ...labels } };
  const { dense, denseBias, norm, output } = architecture.classifier;
  const [outputs] = shape(`${output}.bias`) ?? [];
  // BERT for token classification has a `classifier` of the same shape, but no pooler.
  const between = [
    `${dense}.weight`,
    ...(denseBias ? [`${dense}.bias`] : []),
    ...(norm ? [`${norm.name}.weight`] : []),
  ];
  const isThere = (name: string): boolean => names.has(name) || names.has(name.slice(name.indexOf('.') + 1));
  if (!between.every(isThere)) return {};
  if (outputs === undefined) return { headLayers: tensors };
  if (shape(`${output}.weight`)?.join() !== `${outputs},${d}`) return {};
  return { head: { name: 'huggingface', outputs, ...labels, ...tensors } };
}

/** Reads the head `mean` from a folder; undefined if its file is missing. */
export async function readMeanHead(folder: string): Promise<StoredHead | undefined> {
  const path = join(folder, meanHeadFile);
  if (!(await isFile(path))) return undefined;
  const file = await openSafetensors(path);
  return {
    name: 'mean',
    outputs: file.tensors.get('classifier.bias')?.shape[0] ?? 0,
    shape: (name) => file.tensors.get(name)?.shape,
    tensor: (name) => file.read(name),
  };
}

/** Finds the head `name` among an adapter's tensors; undefined if they hold none. */
export function headOfTensors(
  name: HeadName,
  tensors: Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>,
): StoredHead | undefined {
  const [, last] = Object.entries(tensors).find(([each]) => outputTensor.test(each)) ?? [];
  if (!last) return undefined;
  return {
    name,
    outputs: last.shape[0]!,
    shape: (each) => tensors[each]?.shape,
    tensor: (each) => Promise.resolve(tensors[each]!.data),
  };
}

/** Reads from config.json the names of classes (id2label), unless they are mere numbers, and problem_type. */
function describeLabels(config: Readonly<Record<string, unknown>>): Pick<StoredHead, 'labels' | 'problem'> {
  const { id2label, problem_type: problem } = config;
  const entries = typeof id2label === 'object' && id2label !== null ? Object.entries(id2label) : [];
  const named = entries.map(([id, label]) => [Number(id), String(label)] as const).sort(([a], [b]) => a - b);
  const labels = named.map(([, label]) => label);
  return {
    ...(labels.some((label) => !/^(label_)?\d+$/i.test(label)) && { labels }),
    ...(typeof problem === 'string' && { problem }),
  };
}

/** A stored head whose missing tensors are those of `others`: an adapter may hold the output alone. */
export function completeHead(head: StoredHead, others: HeadTensors | undefined): StoredHead {
  return {
    ...head,
    shape: (name) => head.shape(name) ?? others?.shape(name),
    tensor: (name) => (head.shape(name) ? head.tensor(name) : others!.tensor(name)),
  };
}

/** A new head of transformers' kind that begins with the layers of a checkpoint, its output as it was drawn. */
export function beginLayers(head: Head, { classifier }: ClassifyingArchitecture, layers: HeadTensors): Head {
  if (head.name !== 'huggingface') return head;
  const begun = Object.entries(head.tensors).map(([name, spec]) => {
    const theirs = nameInTransformers(name, classifier);
    const isStored = layers.shape(theirs)?.join() === spec.shape.join();
    return [name, isStored ? { ...spec, init: () => layers.tensor(theirs) } : spec] as const;
  });
  return { ...head, tensors: Object.fromEntries(begun) };
}

const plain = (label: string): string => label.toLowerCase().replace(/[^a-z0-9]+/g, '_');

/**
 * Gives the index of the stored head's output for each class of a task, or the reason why they do not match.
 */
function orderOf(
  { labels, outputs, problem }: StoredHead,
  classes: readonly string[] | undefined,
): readonly number[] | { readonly why: string } {
  const asked = classes ? `${classes.length} classes (${classes.join(', ')})` : 'a value';
  const named = labels?.length === outputs && outputs > 1 ? ` (${labels.join(', ')})` : '';
  const given = outputs === 1 ? 'a value' : `${outputs} classes${named}`;
  if (outputs !== (classes?.length ?? 1)) return { why: `it gives ${given}, the task asks for ${asked}` };
  const problems = classes ? 'single_label_classification' : 'regression';
  if (problem !== undefined && problem !== problems)
    return { why: `it was made for ${problem}, the task is ${problems}` };
  if (!classes || named === '') return Array.from({ length: outputs }, (_, i) => i);
  const order = classes.map((name) => labels!.findIndex((label) => plain(label) === plain(name)));
  return order.includes(-1)
    ? { why: `its classes are ${labels!.join(', ')}, the task's are ${classes.join(', ')}` }
    : order;
}

/**
 * Makes a head that starts with a stored head's values, its classes in the task's order; or gives the reason
 * why it cannot, with a way out if there is one. `pooled` reads a tensor of the base's pooler.
 */
export function beginHead(
  head: Head,
  stored: StoredHead,
  architecture: Architecture,
  classes: readonly string[] | undefined,
  pooled: (name: string) => Promise<Float32Array>,
): { readonly head: Head } | { readonly why: string } {
  if ((head.name === 'mean') !== (stored.name === 'mean')) {
    return {
      why: `head=${head.name} reads the states in another way; --set head=${stored.name} begins with it`,
    };
  }
  const order = orderOf(stored, classes);
  if ('why' in order) return order;
  const { pooler, classifier } = architecture.kind === 'decoder' ? {} : architecture;
  if (classifier && head.name === 'paper' && stored.name === 'huggingface' && !holdsPaperHead(classifier))
    return { why: 'head=paper computes something else; --set head=huggingface begins with it' };
  const theirs = (name: string): string =>
    head.name === 'mean' || !classifier ? name : nameInTransformers(name, classifier);
  for (const [name, { shape }] of Object.entries(head.tensors)) {
    const given = stored.shape(theirs(name));
    if (given?.join() === shape.join() || (pooler && theirs(name) in pooler)) continue;
    return {
      why: given
        ? `it gives ${theirs(name)} the shape [${given.join(', ')}], this base takes [${shape.join(', ')}]`
        : `it lacks ${theirs(name)}`,
    };
  }
  const isLast = (name: string): boolean => outputTensors.test(name);
  const read = async (name: string): Promise<Float32Array> => {
    if (pooler && theirs(name) in pooler) return pooled(theirs(name));
    const values = await stored.tensor(theirs(name));
    if (!isLast(name)) return values;
    const size = values.length / stored.outputs;
    const rows = order.map((row) => values.subarray(row * size, (row + 1) * size));
    return Float32Array.from(rows.flatMap((row) => [...row]));
  };
  const tensors = Object.entries(head.tensors).map(
    ([name, spec]) => [name, { ...spec, init: () => read(name) }] as const,
  );
  return { head: { ...head, tensors: Object.fromEntries(tensors) } };
}
