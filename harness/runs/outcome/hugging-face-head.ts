/**
 * Turns the head of a run into that of a classifier of transformers: names of tensors, and settings of
 * config.json.
 */
import type { StoredTensor } from '../../data/formats/safetensors.ts';
import { type Architecture, classifierRootOf, ownHeadName } from '../../models/architecture.ts';
import { outputTensor } from '../../models/bases/stored-head.ts';
import { holdsPaperHead, nameInTransformers } from '../../models/delta/heads.ts';
import { UsageError } from '../../support/errors.ts';
import { loadTasks } from '../plan/load-plugins.ts';
import type { TrainedRun } from './open-run.ts';

/** A head as transformers' …ForSequenceClassification holds it: tensors, and settings of config.json. */
export interface MergedHead {
  /**
   * Whether transformers has no such head (`mean`); its tensors then have a file beside the bare encoder's.
   */
  readonly isBeside: boolean;
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Whether the answers of a run come from a head: an encoder's always, those of others by protocol. */
export const hasHead = ({ base, head }: TrainedRun): boolean =>
  base.architecture.kind === 'encoder' || Object.keys(head).length > 0;

/**
 * The name of a base's tensor in transformers' classifier; undefined where it has no such tensor, as no classifier
 * predicts tokens.
 */
export function nameInClassifier(name: string, architecture: Architecture): string | undefined {
  if (architecture.kind === 'encoder') return name;
  if (name === ownHeadName || name === architecture.outputBias) return undefined;
  return classifierRootOf(architecture) + name;
}

/** The head of a run; without tensors and settings where its base writes its answers. */
export async function mergedHead(run: TrainedRun): Promise<MergedHead> {
  const { record, head } = run;
  const { architecture } = run.base;
  if (!hasHead(run)) return { isBeside: false, tensors: {}, settings: {} };
  const { task, recipe } = record.settings;
  const isBeside = recipe.head === 'mean';
  const { className } = architecture.classifier;
  const tensors = architecture.kind === 'encoder' ? encoderHead(run, architecture) : head;
  const classes = record.classes ?? (await classesOf(task.name));
  const [outputs] = tensors[Object.keys(tensors).find((name) => outputTensor.test(name))!]!.shape as [number];
  const numbered = Array.from({ length: outputs }, (_, i) => `LABEL_${i}`);
  const labels = classes?.length === outputs ? classes : numbered;
  return {
    isBeside,
    tensors,
    settings: {
      architectures: [`${className}${isBeside ? 'Model' : 'ForSequenceClassification'}`],
      problem_type: outputs === 1 ? 'regression' : 'single_label_classification',
      id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    },
  };
}

/** The tensors of an encoder's head under transformers' names, with those of the pooler that it reads. */
function encoderHead(
  { record, base, head }: TrainedRun,
  { pooler, classifier }: Extract<Architecture, { kind: 'encoder' }>,
): MergedHead['tensors'] {
  const { head: name } = record.settings.recipe;
  if (name === 'paper' && !holdsPaperHead(classifier)) {
    throw new UsageError(
      `The head "paper" cannot be written for transformers: ${classifier.className}ForSequenceClassification, ` +
        `which reads a checkpoint of ${base.id}, computes another one. Train with --set head=huggingface.`,
    );
  }
  if (name === 'mean') return head;
  const ofPooler = Object.entries(pooler ?? {}).map(([each, shape]): [string, StoredTensor] => [
    each,
    { shape, data: () => base.tensor(each) },
  ]);
  const own = Object.entries(head).map(
    ([each, stored]) => [nameInTransformers(each, classifier), stored] as const,
  );
  return Object.fromEntries([...ofPooler, ...own]);
}

async function classesOf(name: string): Promise<readonly string[] | undefined> {
  const task = (await loadTasks()).get(name);
  return task?.kind === 'label' ? task.classes : undefined;
}
