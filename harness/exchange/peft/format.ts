import type { BaseModel } from '../../models/base-model.ts';
import type { Adapter, StoredTensors } from '../adapter.ts';
import type { Config } from './settings.ts';

/** How one method stands in PEFT's files: a tensor of a module has the key `base_model.model.<module>.<part>`. */
export interface Format {
  readonly peftType: string;
  /** The method's own settings of adapter_config.json, and its tensors under PEFT's keys. */
  write(adapter: Adapter, base: BaseModel): { readonly settings: Config; readonly tensors: StoredTensors };
  /**
   * The reverse, `method` only where it is read as another one; throws UsageError, which names `where`, for what is not
   * computed here.
   */
  read(
    config: Config,
    tensors: StoredTensors,
    base: BaseModel,
    where: string,
  ): Pick<Adapter, 'options' | 'tensors'> & { readonly method?: string };
}

/** What stands before a module's name in PEFT's keys. */
export const inModel = 'base_model.model.';

/** Our names and PEFT's. */
export type Names = Readonly<Record<string, string>>;

/** Options as settings; one that is not given is no setting. */
export function toSettings(names: Names, options: Adapter['options']): Config {
  const settings = Object.entries(names).map(([ours, theirs]) => [theirs, options[ours]] as const);
  return Object.fromEntries(settings.filter(([, value]) => value !== undefined));
}

/** Settings as options. */
export function toOptions(names: Names, settings: Config): Adapter['options'] {
  return Object.fromEntries(Object.entries(names).map(([ours, theirs]) => [ours, settings[theirs]]));
}
