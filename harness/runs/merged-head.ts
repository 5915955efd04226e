import { UsageError } from '../data/errors.ts';
import type { StoredTensor } from '../data/safetensors.ts';
import { loadTasks } from './plugins.ts';
import type { TrainedRun } from './trained.ts';

/** A head as transformers' …ForSequenceClassification holds it: tensors, and settings of config.json. */
export interface MergedHead {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The head of a run, if its base has one; throws UsageError where transformers has none like it. */
export async function mergedHead({ record, base, head }: TrainedRun): Promise<MergedHead> {
  const { architecture, family } = base;
  if (architecture.kind !== 'encoder') return { tensors: {}, settings: {} };
  const { task, recipe } = record.settings;
  if (recipe.head === 'mean') {
    throw new UsageError(
      'The head "mean" cannot be written: transformers has no model that classifies by the mean over tokens. The heads paper and huggingface can.',
    );
  }
  const pooler = Object.keys(architecture.pooler ?? {});
  const tensors: Record<string, StoredTensor> = {};
  for (const name of pooler) tensors[name] = { shape: architecture.pooler![name]!, data: () => base.tensor(name) }; // prettier-ignore
  for (const [name, stored] of Object.entries(head)) {
    // Where transformers has a pooler, its tanh(Linear) is what the paper's head begins with.
    const own = pooler.length === 0 ? name : name.replace(/^classifier\.dense\./, pooler[0]!.replace(/weight$/, '')).replace('out_proj.', ''); // prettier-ignore
    tensors[own] = stored;
  }
  const classes = await classesOf(task.name);
  const outputs = Object.entries(tensors).find(([name]) => /^classifier\.(out_proj\.)?bias$/.test(name))![1].shape[0]!; // prettier-ignore
  const labels = classes?.length === outputs ? classes : Array.from({ length: outputs }, (_, i) => `LABEL_${i}`); // prettier-ignore
  return {
    tensors,
    settings: {
      architectures: [family === 'bert' ? 'BertForSequenceClassification' : 'RobertaForSequenceClassification'], // prettier-ignore
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
