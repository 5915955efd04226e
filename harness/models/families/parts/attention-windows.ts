/** The settings of config.json that give layers of a decoder a sliding window. */
import { z } from 'zod';
import { tableRows } from './config-fields.ts';

/** Which layers see all tokens before theirs, and how many the others see. */
export const windowFields = {
  sliding_window: tableRows.nullish(),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
};
interface Windows {
  readonly num_hidden_layers: number;
  readonly sliding_window?: number | null | undefined;
  readonly layer_types?: readonly ('full_attention' | 'sliding_attention')[] | null | undefined;
}

/** Drops the window of a configuration that does not use it, for zod's transform. */
export const withUsedWindow = <
  Config extends { use_sliding_window: boolean; sliding_window?: number | null | undefined },
>(
  config: Config,
): Config => (config.use_sliding_window ? config : { ...config, sliding_window: null });

/** Reports layer_types that do not fit the layers or their window, for zod's superRefine. */
export function checkWindows(config: Windows, context: z.RefinementCtx): void {
  const { num_hidden_layers: layers, layer_types: types, sliding_window: window } = config;
  if (!types) return;
  const refuse = (message: string): void => {
    context.addIssue({ code: 'custom', path: ['layer_types'], message });
  };
  if (types.length !== layers) refuse(`has ${types.length} entries for ${layers} layers`);
  if (types.includes('sliding_attention') && window == null)
    refuse('has layers of sliding_attention without a sliding_window');
}

/** The window of each layer, undefined where it has none; `slides` says which have one where nothing is listed. */
export function windowsOf(config: Windows, slides: (layer: number) => boolean): (number | undefined)[] {
  const { num_hidden_layers: layers, layer_types: types, sliding_window: window } = config;
  return Array.from({ length: layers }, (_, layer) =>
    (types ? types[layer] === 'sliding_attention' : slides(layer)) ? (window ?? undefined) : undefined,
  );
}
