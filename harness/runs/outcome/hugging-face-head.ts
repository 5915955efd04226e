import type { StoredTensor } from '../../data/formats/safetensors.ts';
import { nameInTransformers } from '../../models/delta/heads.ts';
import { loadTasks } from '../plan/load-plugins.ts';
import type { TrainedRun } from './open-run.ts';

/** A head as transformers' …ForSequenceClassification holds it: tensors, and settings of config.json. */
export interface MergedHead {
  /** Whether transformers has none like it (`mean`), so that its tensors stand beside those of a bare encoder. */
  readonly isBeside: boolean;
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The head of a run, if its base has one. */
export async function mergedHead({ record, base, head }: TrainedRun): Promise<MergedHead> {
  const { architecture, family } = base;
  if (architecture.kind !== 'encoder') return { isBeside: false, tensors: {}, settings: {} };
  const { task, recipe } = record.settings;
  const isBeside = recipe.head === 'mean';
  const pooler = isBeside ? undefined : architecture.pooler;
  const tensors: Record<string, StoredTensor> = {};
  for (const name of Object.keys(pooler ?? {})) tensors[name] = { shape: architecture.pooler![name]!, data: () => base.tensor(name) }; // prettier-ignore
  for (const [name, stored] of Object.entries(head)) {
    tensors[nameInTransformers(name, pooler)] = stored;
  }
  const classes = await classesOf(task.name);
  const outputs = Object.entries(tensors).find(([name]) => /^classifier\.(out_proj\.)?bias$/.test(name))![1].shape[0]!; // prettier-ignore
  const labels = classes?.length === outputs ? classes : Array.from({ length: outputs }, (_, i) => `LABEL_${i}`); // prettier-ignore
  return {
    isBeside,
    tensors,
    settings: {
      architectures: [`${family === 'bert' ? 'Bert' : 'Roberta'}${isBeside ? 'Model' : 'ForSequenceClassification'}`], // prettier-ignore
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
