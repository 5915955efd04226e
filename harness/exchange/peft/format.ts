/**
 * What every format of a method in PEFT's files has in common: its interface, and the renaming of options.
 */
import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter, StoredTensors } from '../adapter.ts';
import type { Config } from './settings.ts';

/**
 * How one method is stored in PEFT's files, where a module's tensor has the key
 * `base_model.model.<module>.<part>`.
 */
export interface Format {
  readonly peftType: string;
  /** Whether the method has the option `whole`: PEFT's modules_to_save, of the base's own modules. */
  readonly savesModules?: true;
  /** Gives the method's own settings for adapter_config.json, and its tensors under PEFT's keys. */
  write(adapter: Adapter, base: BaseModel): { readonly settings: Config; readonly tensors: StoredTensors };
  /**
   * Reads the method's options and tensors from PEFT's; gives `method` only if the adapter is read as another
   * method. Throws UsageError, which names `where`, for what deltabench does not compute.
   */
  read(
    config: Config,
    tensors: StoredTensors,
    base: BaseModel,
    where: string,
  ): Pick<Adapter, 'options' | 'tensors'> & { readonly method?: string };
}

/** The prefix of module names in PEFT's keys. */
export const inModel = 'base_model.model.';

/** Our name of an option or a part → PEFT's name. */
export type Names = Readonly<Record<string, string>>;

/** Renames options to PEFT's settings; an option without a value gives no setting. */
export function toSettings(names: Names, options: Adapter['options']): Config {
  const settings = Object.entries(names).map(([ours, theirs]) => [theirs, options[ours]] as const);
  return Object.fromEntries(settings.filter(([, value]) => value !== undefined));
}

/** Renames PEFT's settings to options. */
export function toOptions(names: Names, settings: Config): Adapter['options'] {
  return Object.fromEntries(Object.entries(names).map(([ours, theirs]) => [ours, settings[theirs]]));
}
