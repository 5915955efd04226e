/**
 * Turns the head of a run into that of a classifier of transformers: names of tensors, and settings of
 * config.json.
 */
import type { StoredTensor } from '../../data/formats/safetensors.ts';
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

/** The head of a run; without tensors and settings where its base is no encoder. */
export async function mergedHead({ record, base, head }: TrainedRun): Promise<MergedHead> {
  const { architecture, id } = base;
  if (architecture.kind !== 'encoder') return { isBeside: false, tensors: {}, settings: {} };
  const { task, recipe } = record.settings;
  const isBeside = recipe.head === 'mean';
  const { classifier } = architecture;
  if (recipe.head === 'paper' && !holdsPaperHead(classifier)) {
    throw new UsageError(
      `The head "paper" cannot be written for transformers: ${classifier.className}ForSequenceClassification, ` +
        `which reads a checkpoint of ${id}, computes another one. Train with --set head=huggingface.`,
    );
  }
  const pooler = isBeside ? undefined : architecture.pooler;
  const tensors: Record<string, StoredTensor> = {};
  for (const [name, shape] of Object.entries(pooler ?? {})) {
    tensors[name] = { shape, data: () => base.tensor(name) };
  }
  for (const [name, stored] of Object.entries(head)) {
    tensors[isBeside ? name : nameInTransformers(name, classifier)] = stored;
  }
  const classes = record.classes ?? (await classesOf(task.name));
  const bias = Object.keys(tensors).find((name) => /^classifier\.(out_proj\.)?bias$/.test(name))!;
  const outputs = tensors[bias]!.shape[0]!;
  const numbered = Array.from({ length: outputs }, (_, i) => `LABEL_${i}`);
  const labels = classes?.length === outputs ? classes : numbered;
  return {
    isBeside,
    tensors,
    settings: {
      architectures: [`${classifier.className}${isBeside ? 'Model' : 'ForSequenceClassification'}`],
      problem_type: outputs === 1 ? 'regression' : 'single_label_classification',
      id2label: Object.fromEntries(labels.map((label, i) => [i, label])),
      label2id: Object.fromEntries(labels.map((label, i) => [label, i])),
    },
  };
}

async function classesOf(name: string): Promise<readonly string[] | undefined> {
  const task = (await loadTasks()).get(name);
  return task?.kind === 'label' ? task.classes : undefined;
}
