/** Merges a method's affine edits into a base's weights, so that inference costs nothing more. */
import { UsageError } from '../../support/errors.ts';
import { addProduct } from '../../support/numbers/matrix.ts';
import { transpose } from '../../support/numbers/transpose.ts';
import { describeArchitecture } from '../families/registry.ts';
import { isTransposed, ownHeadName } from '../architecture.ts';
import { hasOwnHead } from '../bases/tied-head.ts';
import { hasWeight, type Site, type Values, weightName } from '../edits.ts';
import type { AffineEdit, Delta } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/** A base whose weights include a method's edits; each tensor is computed when it is read. */
export type MergedModel = Pick<BaseModel, 'config' | 'architecture' | 'sites' | 'shapes' | 'tensor'>;

/**
 * Merges a method into a base. `x` holds by name the trained tensors (unfrozen ones of the base too), the
 * frozen ones and the state. Throws UsageError if the method cannot be merged or the architecture cannot hold
 * the result.
 */
export function mergeDelta(base: BaseModel, delta: Delta, x: Values): MergedModel {
  const edits = delta.merge?.(x);
  if (!edits) {
    throw new UsageError(
      'It cannot be merged: what it adds is no fixed linear change of linear modules or norms, ' +
        'so that no weights of the base can hold it.',
    );
  }
  const { editsAt, settings } = place(base, edits);
  const config = { ...base.config, ...Object.fromEntries([...settings].map((name) => [name, true])) };
  const unties = mustUntie(base, editsAt);
  const architecture =
    settings.size > 0 || unties
      ? describeArchitecture(config, 'The merged model', unties || hasOwnHead(base.architecture))
      : base.architecture;
  const owners = ownersOf(base, editsAt, unties);
  const editTensor = delta.mergeTensor?.(x);
  const read = async (name: string): Promise<Float32Array> => {
    const value = x[name] ?? (await base.tensor(name));
    return editTensor ? editTensor(name, value) : value;
  };
  /** The module that was merged last, kept because its weight and its bias are read one after the other. */
  let last: { name: string; module: Promise<Module> } | undefined;
  const merged = async (site: Site): Promise<Module> => {
    const weight = await read(weightName(site));
    const bias = site.bias ? await read(`${site.name}.bias`) : undefined;
    // A norm multiplies by its weight and an offset, which the checkpoint does not hold.
    const { offset = 0, outputs } = site;
    const shifted = (values: Float32Array, by: number): Float32Array =>
      by ? values.map((w) => w + by) : values;
    const whole = { weight: shifted(weight, offset), bias };
    const folded = fold(whole, editsAt(site), outputs, isTransposed(base.architecture, site));
    return { ...folded, weight: shifted(folded.weight, -offset) };
  };
  return {
    config,
    architecture,
    sites: architecture.sites,
    // A base may have tensors beside those of its architecture, such as a pooler that a head reads.
    shapes: { ...base.shapes, ...architecture.shapes },
    async tensor(name) {
      const site = owners.get(name);
      const isBias = name === `${site?.name}.bias`;
      if (!site) return read(name);
      if (editsAt(site).length === 0 && (!isBias || site.bias)) return read(isBias ? name : weightName(site));
      if (last?.name !== site.name) last = { name: site.name, module: merged(site) };
      const { weight, bias } = await last.module;
      return isBias ? (bias ?? new Float32Array(site.outputs)) : weight;
    },
  };
}

/** Whether a head that is the embedding needs a weight of its own, since only one of the two changes. */
function mustUntie({ architecture, sites }: BaseModel, editsAt: EditsAt): boolean {
  if (architecture.kind === 'encoder' || hasOwnHead(architecture)) return false;
  return sites.some((site) => weightName(site) === architecture.head && editsAt(site).length > 0);
}

/**
 * The module that gives each tensor of the merged model. Throws UsageError where an edited module shares its
 * weight with another one, for which an architecture has no second tensor.
 */
function ownersOf(base: BaseModel, editsAt: EditsAt, unties: boolean): Map<string, Site> {
  const owners = new Map<string, Site>();
  for (const site of base.sites.filter(hasWeight)) {
    const weight = unties && site.kind === 'head' ? ownHeadName : weightName(site);
    const other = owners.get(weight);
    if (other && [site, other].some((owner) => editsAt(owner).length > 0)) {
      throw new UsageError(
        `It cannot be merged into ${base.id}: ${other.name} and ${site.name} share ${weight}, ` +
          'and it edits each by itself.',
      );
    }
    if (!other) owners.set(weight, site);
    owners.set(`${site.name}.bias`, site);
  }
  return owners;
}

type EditsAt = (site: Site) => readonly AffineEdit[];

/**
 * Finds the edits of each linear module and norm, and the settings of config.json that must be turned on so
 * that the architecture has a bias for every shift. Throws UsageError if an edit fits nowhere.
 */
function place(base: BaseModel, edits: EditsAt): { editsAt: EditsAt; settings: ReadonlySet<string> } {
  const { blockNorm, biasSetting } = base.architecture;
  const blocks = new Map<string, Site>();
  for (const site of base.sites) {
    if (hasWeight(site) || edits(site).length === 0) continue;
    const norm = site.kind === 'block' ? blockNorm?.(site) : undefined;
    if (!norm) {
      throw new UsageError(
        `It cannot be merged into ${base.id}: it edits ${site.name} after the residual, ` +
          'where no weights of the base follow.',
      );
    }
    blocks.set(norm.name, site);
  }
  const editsAt: EditsAt = (site) => {
    const block = blocks.get(site.name);
    // A block's edit acts after the edits of its last norm, whatever the order of the methods.
    return block ? [...edits(site), ...edits(block)] : edits(site);
  };
  const settings = new Set<string>();
  for (const site of base.sites) {
    if (!hasWeight(site) || site.bias || !editsAt(site).some(({ shift }) => shift)) continue;
    const setting = site.kind === 'linear' ? biasSetting?.(site) : undefined;
    if (setting === undefined) {
      throw new UsageError(
        `It cannot be merged into ${base.id}: it shifts the output of ${site.name}, which has no bias, ` +
          `and a checkpoint of ${base.family} cannot hold one.`,
      );
    }
    settings.add(setting);
  }
  return { editsAt, settings };
}

/** The values of a linear module or a norm. */
interface Module {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

/**
 * Folds edits into a module from left to right. Maps of the input act on the whole folded weight, wherever their
 * edit stands, since they act on the module's input.
 */
function fold(base: Module, edits: readonly AffineEdit[], outputs: number, transposed: boolean): Module {
  const weight = (edits.find((edit) => edit.weight)?.weight ?? base.weight).slice();
  let bias = base.bias?.slice();
  const inputs = weight.length / outputs;
  for (const { low, change, scale, aroundBias, shift } of edits) {
    if (low) addLow(weight, low(), outputs, transposed);
    if (change) {
      const own = change(transposed ? base.weight : transpose(base.weight, inputs, outputs));
      const added = transposed ? own : transpose(own, outputs, inputs);
      for (let i = 0; i < weight.length; i++) weight[i]! += added[i]!;
    }
    if (scale) {
      const factors =
        typeof scale === 'function' ? scale(withProduct(base.weight, low, outputs, transposed)) : scale;
      scaleMatrix(weight, factors, outputs, transposed);
      const around = aroundBias ? base.bias : undefined;
      bias = bias?.map((b, o) => (b - (around?.[o] ?? 0)) * factors[o]! + (around?.[o] ?? 0));
    }
    if (shift) bias = shift.map((t, o) => (bias?.[o] ?? 0) + t);
  }
  for (const { input } of edits) {
    if (typeof input === 'function') {
      const rows = transposed ? weight : transpose(weight, inputs, outputs);
      weight.set(transposed ? input(rows) : transpose(input(rows), outputs, inputs));
    } else if (input) scaleMatrix(weight, input, inputs, !transposed);
  }
  return { weight, bias };
}

function withProduct(
  weight: Float32Array,
  low: AffineEdit['low'],
  outputs: number,
  transposed: boolean,
): Float32Array {
  const sum = weight.slice();
  if (low) addLow(sum, low(), outputs, transposed);
  return sum;
}

/**
 * Adds up [outputs, rank] · down [rank, inputs] to a weight stored as [outputs, inputs] (`transposed`) or as
 * [inputs, outputs]; each sum runs in float64.
 */
function addLow(
  weight: Float32Array,
  { up, down }: ReturnType<NonNullable<AffineEdit['low']>>,
  outputs: number,
  transposed: boolean,
): void {
  const inputs = weight.length / outputs;
  const rank = up.length / outputs;
  if (transposed) addProduct(weight, up, down, inputs);
  else addProduct(weight, transpose(down, rank, inputs), transpose(up, outputs, rank), outputs);
}

/** Multiplies a matrix in place by one factor for each row (`byRow`) or each column. */
function scaleMatrix(matrix: Float32Array, factors: Float32Array, count: number, byRow: boolean): void {
  const columns = byRow ? matrix.length / count : count;
  for (let i = 0; i < matrix.length; i++) {
    matrix[i]! *= factors[byRow ? Math.floor(i / columns) : i % columns]!;
  }
}
