/** The pretrained bases that ship with deltabench, and the one that a task takes by default. */
import { fileURLToPath } from 'node:url';

/** The built-in bases, one folder each in harness/models/bases/built-in. */
export const builtinModels = ['gpt2-mini', 'roberta-mini', 't5-mini', 'llama-mini'] as const;
/** The name of a built-in base. */
export type BuiltinModel = (typeof builtinModels)[number];

/**
 * Gives the default base of a task: a decoder for tasks that write text, an encoder for classes and values.
 */
export function defaultModel(task: { readonly kind: 'text' | 'label' }): BuiltinModel {
  return task.kind === 'text' ? 'gpt2-mini' : 'roberta-mini';
}

/** Whether a name is that of a built-in base. */
export function isBuiltin(model: string): model is BuiltinModel {
  return builtinModels.some((name) => name === model);
}

/** Gives the folder of a built-in base. */
export function builtinFolder(model: BuiltinModel): string {
  return fileURLToPath(new URL(`built-in/${model}`, import.meta.url));
}
