/** Reads the files of edit vectors that the authors of RED release. */
import { UsageError } from '../support/errors.ts';
import { readTorchZip } from '../data/formats/torch-zip.ts';
import type { Site } from '../models/edits.ts';
import type { BaseModel } from '../models/base-model.ts';
import type { Adapter, StoredTensors } from './adapter.ts';

/** RED's option `position` → the roles of the linear modules that it edits. */
const positions = {
  ffn: ['mlpOutput'],
  attn: ['attentionOutput'],
  'ffn+attn': ['attentionOutput', 'mlpOutput'],
  all: ['attentionOutput', 'key', 'mlpOutput', 'query', 'queryKeyValue', 'value'],
};

/** The authors' names of a module's vectors → ours. */
const parts = { activation_scaling: 'scaling', activation_bias: 'bias' } as const;

/**
 * Reads a PyTorch file of RED's vectors `<module>.delta_vector.activation_{scaling,bias}`, each [1, d], for a
 * base; a module's name may lack the prefix of the base's names. Throws UsageError if a tensor is no such
 * vector, its module is none of the base, or no `position` edits these modules.
 */
export async function readRedVectors(path: string, base: BaseModel): Promise<Adapter> {
  const tensors: Record<string, StoredTensors[string]> = {};
  const found: Site[] = [];
  const kinds = new Set<string>();
  for (const [key, { shape, data }] of await readTorchZip(path)) {
    const [, module, part] = /^(.+)\.delta_vector\.(activation_\w+)$/.exec(key) ?? [];
    if (module === undefined || part === undefined) {
      throw new UsageError(
        `${path} has a tensor "${key}"; RED's vectors are called <module>.delta_vector.activation_scaling and …_bias.`,
      );
    }
    if (!isPart(part))
      throw new UsageError(
        `${path} trained ${part} at ${module}, which RED here does not have; only scaling and bias.`,
      );
    const site = base.sites.find(
      ({ kind, name }) => kind === 'linear' && (name === module || name.endsWith(`.${module}`)),
    );
    if (!site)
      throw new UsageError(
        `${path} edits "${module}", which is no linear module of ${base.id}; is it of another base?`,
      );
    if (shape.length !== 2 || shape[0] !== 1) {
      throw new UsageError(`${path} gives "${key}" the shape [${shape.join(', ')}]; a vector is [1, d].`);
    }
    found.push(site);
    kinds.add(parts[part]);
    tensors[`${site.name}.red.${parts[part]}`] = { shape: [data.length], data };
  }
  const roles = [...new Set(found.map(({ role }): string => role))].sort();
  const there = new Set(base.sites.map(({ role }): string => role));
  const position = Object.entries(positions).find(
    ([, edited]) => edited.filter((role) => there.has(role)).join() === roles.join(),
  );
  if (!position)
    throw new UsageError(
      `${path} edits modules of role ${roles.join(', ') || 'none'}; RED has no such position.`,
    );
  const layers = [...new Set(found.map(({ layer }) => layer))].sort((a, b) => a - b);
  const all = new Set(base.sites.filter(({ role }) => role === 'mlpOutput').map(({ layer }) => layer)).size;
  return {
    method: 'red',
    options: {
      position: position[0],
      scaling: kinds.has('scaling'),
      bias: kinds.has('bias'),
      ...(layers.length < all && { layers }),
    },
    tensors,
    head: {},
  };
}

function isPart(part: string): part is keyof typeof parts {
  return Object.hasOwn(parts, part);
}
