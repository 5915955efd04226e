/** The pretrained bases that ship inside, and which of them a task takes where no base is asked for. */
import { fileURLToPath } from 'node:url';

/** The small pretrained bases that ship inside, one folder each in harness/models/bases/built-in. */
export const builtinModels = ['gpt2-mini', 'roberta-mini', 't5-mini', 'llama-mini'] as const;
export type BuiltinModel = (typeof builtinModels)[number];

/** The base of a task for which none is asked: a decoder writes text, an encoder tells classes and values. */
export function defaultModel(task: { readonly kind: 'text' | 'label' }): BuiltinModel {
  return task.kind === 'text' ? 'gpt2-mini' : 'roberta-mini';
}

/** Whether a model's name is that of a base that ships inside. */
export function isBuiltin(model: string): model is BuiltinModel {
  return builtinModels.some((name) => name === model);
}

/** The folder of a base that ships inside. */
export function builtinFolder(model: BuiltinModel): string {
  return fileURLToPath(new URL(`built-in/${model}`, import.meta.url));
}
