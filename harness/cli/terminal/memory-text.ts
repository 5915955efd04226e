/** How `params` and dry runs tell the memory of a run. */
import type { MemoryEstimate } from '../../runs/memory/estimate-memory.ts';
import { sizeText } from '../../runs/memory/memory-here.ts';
import { usableMemory } from '../../support/usable-memory.ts';
import { columns } from './output.ts';

/** The parts of a run's memory, a line each, and whether it fits here. */
export function memoryText(baseWeights: string, memory: MemoryEstimate): string {
  const { microBatchTokens, batchTokens, decodingRows } = memory;
  const ofBatch =
    microBatchTokens < batchTokens ? `${microBatchTokens} of the batch's ${batchTokens}` : `${batchTokens}`;
  const rows: [string, number, string][] = [
    ['weights', memory.weights, baseWeights],
    ['trained state', memory.trained, 'parameters, gradients, moments'],
    ['activations', memory.activations, `${ofBatch} tokens at once`],
    ['keys and values', memory.decoding, `${decodingRows} texts decoded at once`],
    ['programs', memory.programs, 'and what they unpack'],
  ];
  const shown = rows.filter(([, bytes]) => bytes > 0);
  return columns([
    ...shown.map(([name, bytes, what]) => [`  ${name}`, sizeText(bytes).padStart(9), what]),
    ['  at most at once', sizeText(memory.total).padStart(9), fitText(memory)],
  ]);
}

/** Whether a run fits the memory of this machine. */
export function fitText({ weights, trained, least, total }: MemoryEstimate): string {
  const here = usableMemory();
  const of = `the ${sizeText(here)} here`;
  if (total <= here) return `fits ${of}`;
  if (least <= here) return `more than ${of}: --recompute or --set micro-batch=1 make it less`;
  return weights > here
    ? `does not fit ${of}: the weights alone are more`
    : `does not fit ${of}: weights and ${sizeText(trained)} of trained state are more`;
}
