/** Reads LoReFT adapters that pyreft, the library of ReFT's authors, has saved. */
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../support/errors.ts';
import { problemOf } from '../support/json/validation-messages.ts';
import { readJson } from '../support/read-files.ts';
import { readTorchZip } from '../data/formats/torch-zip.ts';
import type { Site } from '../models/edits.ts';
import type { BaseModel } from '../models/base-model.ts';
import type { Adapter, StoredTensors } from './adapter.ts';

/**
 * The part of pyreft's config.json that says what is edited where; each key is part of the file name of its
 * edit.
 */
const settings = z.looseObject({
  intervention_types: z.array(z.string()).min(1),
  representations: z.array(
    z.union([
      z.looseObject({ layer: z.int(), component: z.string(), unit: z.string() }),
      z.tuple([z.int(), z.string(), z.string()], z.unknown()),
    ]),
  ),
  sorted_keys: z.array(z.string().regex(/^[\w.#[\]-]+$/, 'a key is no part of a file name')),
});

/**
 * Reads a folder that pyreft has saved, for a base: config.json, and for each edit a file `intkey_<key>.bin`
 * with `weight` [r, d], `bias` [r] and `rotate_layer` [d, r]. It does not say which tokens were edited, so
 * `first` and `last` are missing. Throws UsageError for edits other than LoReFT's of block outputs.
 */
export async function readPyreftFolder(folder: string, base: BaseModel): Promise<Adapter> {
  const where = join(folder, 'config.json');
  const parsed = settings.safeParse(await readJson(where));
  if (!parsed.success) {
    throw new UsageError(`${where} is not pyreft's: ${problemOf(parsed.error)}.`);
  }
  const { intervention_types: types, representations, sorted_keys: keys } = parsed.data;
  const other = types.find((type) => !type.endsWith(".LoreftIntervention'>"));
  if (other !== undefined) {
    throw new UsageError(
      `${where} has an edit of type ${other}; only LoReFT's are read, ` +
        'for pyreft keeps the rotations of the others as a product of reflections.',
    );
  }
  if (representations.length !== keys.length)
    throw new UsageError(`${where} has ${representations.length} edits, but ${keys.length} keys.`);
  const blocks = blocksOf(base);
  const edits = representations.map((edit, i) => {
    const [layer, component, unit] = Array.isArray(edit) ? edit : [edit.layer, edit.component, edit.unit];
    const at = layerOf(layer, component);
    const site = at === undefined || unit !== 'pos' ? undefined : blocks.find((block) => block.layer === at);
    if (site) return { site, key: keys[i]! };
    throw new UsageError(
      `${where} edits "${component}" of layer ${layer} by ${unit}, which is no block output of ${base.id} by tokens.`,
    );
  });
  const layers = [...new Set(edits.map(({ site }) => site.layer))].sort((a, b) => a - b);
  const each = edits.length / layers.length;
  // pyreft lists the edits of the first tokens for all layers, then those of the last tokens.
  const tied = each === 1;
  if (layers.some((layer) => edits.filter(({ site }) => site.layer === layer).length !== each) || each > 2) {
    throw new UsageError(
      `${where} has ${edits.length} edits of ${layers.length} layers; there are one or two for each here.`,
    );
  }
  const tensors: Record<string, StoredTensors[string]> = {};
  let rank = 0;
  for (const { site, key } of edits) {
    const path = join(folder, `intkey_${key}.bin`);
    const first = tied ? '' : `${site.name}.reft.first.R` in tensors ? '.last' : '.first';
    const stored = await readTorchZip(path);
    for (const [name, part] of [
      ['weight', 'W'],
      ['bias', 'b'],
      ['rotate_layer', 'R'],
    ] as const) {
      const tensor = stored.get(name);
      if (!tensor) throw new UsageError(`${path} lacks "${name}", which an edit of LoReFT has.`);
      tensors[`${site.name}.reft${first}.${part}`] = tensor;
    }
    rank = stored.get('rotate_layer')!.shape[1] ?? 0;
  }
  return {
    method: 'loreft',
    options: { rank, tied, ...(layers.length < blocks.length && { layers }) },
    missing: ['first', 'last'],
    tensors,
    head: {},
  };
}

/**
 * The blocks that ReFT edits: the encoder's where there is one, since it reads the prompt, else the
 * decoder's.
 */
function blocksOf({ sites }: BaseModel): Site[] {
  const stack = sites.some((site) => site.stack === 'encoder') ? 'encoder' : 'decoder';
  return sites.filter(({ role, ...site }) => role === 'block' && site.stack === stack);
}

/**
 * The layer whose block output a component names, as `block_output` or such as `model.layers[3].output`;
 * undefined for any other component.
 */
function layerOf(layer: number, component: string): number | undefined {
  if (component === 'block_output') return layer;
  const named = /\.(?:layers?|h|block)(?:\[(\d+)\]|\.(\d+))\.output$/.exec(component);
  return named ? Number(named[1] ?? named[2]) : undefined;
}
