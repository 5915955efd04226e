/**
 * The memory of the cells of a plan: what each needs, as a sentence, and the refusal of what cannot fit. Dry
 * runs, executors and reproduced tables use it.
 */
import type { DataSize } from '../../data/examples/task.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import { UsageError } from '../../support/errors.ts';
import { usableMemory } from '../../support/usable-memory.ts';
import type { AttachedCell } from '../cell/attach-cell.ts';
import type { Cell } from '../plan/cell.ts';
import { baseBytes, estimateMemory, type MemoryCase, type MemoryEstimate } from './estimate-memory.ts';
import { deviceMemory, sizeText } from './memory-here.ts';

/** A cell on its base. */
type OnBase = Pick<AttachedCell, 'cell' | 'base' | 'delta'>;

/** How large a cell's data is; undefined where its task does not say. */
export function sizeOfData({ task, source, recipe }: Cell): DataSize | undefined {
  const size = (source.kind === 'built-in' ? task.builtinSizes : undefined) ?? task.sizes;
  const held = recipe.validationExamples;
  return size && held !== undefined
    ? { ...size, train: Math.max(0, size.train - held), validation: held }
    : size;
}

/** A cell as `estimateMemory` takes it, on a device of so much memory. */
export function memoryCase(
  { cell, base, delta }: OnBase,
  memory: number,
  recompute: boolean | undefined,
): MemoryCase {
  const { recipe, precision } = cell;
  return { base, delta, recipe, precision, recompute: recompute ?? false, size: sizeOfData(cell), memory };
}

/** The memory of a cell on this machine. */
export const cellMemory = (run: OnBase, recompute?: boolean): MemoryEstimate =>
  estimateMemory(memoryCase(run, usableMemory(), recompute));

/** The memory that a run needs and that there is, as the end of a sentence. */
export function memoryNeed(run: OnBase): string {
  return (
    `the run needs about ${sizeText(cellMemory(run).total)} of memory, of ${sizeText(usableMemory())} here; ` +
    `fewer --jobs, --set micro-batch=1 and --recompute make it less`
  );
}

/**
 * Throws UsageError where the weights of a cell with what trains them are more than the memory that each of
 * `jobs` processes has on the device.
 */
export async function checkMemory(
  cells: readonly OnBase[],
  device: string | undefined,
  jobs: number,
): Promise<void> {
  const memory = await deviceMemory(device);
  for (const run of cells) {
    const { weights, trained } = cellMemory(run);
    requireRoom(`${run.cell.variant.name} on ${run.base.id}`, run.base, { weights, trained, memory, jobs });
  }
}

/** Throws UsageError where a base that nothing is trained of is more than the memory of the device. */
export async function checkBaseMemory(base: BaseModel, device: string | undefined): Promise<void> {
  const weights = baseBytes(base, new Set(), 4);
  requireRoom(base.id, base, { weights, trained: 0, memory: await deviceMemory(device), jobs: 1 });
}

/** What is needed and what there is, in bytes. */
interface Room extends Pick<MemoryEstimate, 'weights' | 'trained'> {
  readonly memory: number;
  readonly jobs: number;
}

function requireRoom(what: string, base: BaseModel, { weights, trained, memory, jobs }: Room): void {
  const least = weights + trained;
  if (least <= memory / jobs) return;
  const here =
    jobs > 1 ? `each of ${jobs} --jobs has ${sizeText(memory / jobs)}` : `there is ${sizeText(memory)}`;
  const need = trained > 0 ? `, what is trained ${sizeText(trained)}` : '';
  const smaller = [
    ...(least <= memory ? ['fewer --jobs'] : []),
    ...(base.weights || weights < trained ? [] : ['--base-weights nf4']),
    ...(trained > weights ? ['a method that trains less'] : []),
    'a smaller base',
  ];
  throw new UsageError(
    `${what} does not fit the memory: its weights in ${baseWeightsText(base.weights)} take ` +
      `${sizeText(weights)}${need}, and ${here}; take ${orList(smaller)} ` +
      '(params --base-weights tells the memory of each).',
  );
}

const orList = (names: readonly string[]): string =>
  names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${names.at(-1)!}` : names.join('');
