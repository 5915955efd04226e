/** Prompts as inputs of programs: padding, masks, and the tokens that a method puts before them. */
import type { NamedArrays } from '../engine/types.ts';
import { addPrefix } from '../support/prefixed-names.ts';
import { MASKED } from '../models/families/parts/layers.ts';
import { SOURCE } from '../models/delta/forward.ts';
import { virtualTokens } from '../models/method.ts';
import type { DecodingSetup } from './programs.ts';
import { roundUp } from '../support/numbers/arithmetic.ts';

/**
 * The length that prompts of up to `n` tokens are padded to: few lengths need programs, and at most an eighth
 * is padding.
 */
export const paddedLength = (n: number): number => roundUp(n, 2 ** Math.max(0, Math.floor(Math.log2(n / 8))));

/** The length that these prompts are padded to, at most what the model has room for. */
export function readLength({ base, delta }: DecodingSetup, prompts: readonly (readonly number[])[]): number {
  const longest = Math.max(...prompts.map((prompt) => prompt.length));
  return Math.min(paddedLength(longest), base.architecture.positions - virtualTokens(delta));
}

/** The number of tokens that a method puts into the decoder's cache before the prompt or the start token. */
export const cachedBeforePrompt = ({ base, delta }: DecodingSetup): number =>
  base.architecture.kind === 'encoder-decoder' ? (delta.prefixLength ?? 0) : virtualTokens(delta);

/** The inputs of prompts that an encoder-decoder reads as sources. */
export function sourceInputs(
  prompts: readonly (readonly number[])[],
  rows: number,
  length: number,
): NamedArrays {
  const inputs = paddedInputs(prompts, rows, length);
  const bias = inputs.tokens.map((real) => (real ? 0 : MASKED));
  return addPrefix(SOURCE, { ...inputs, bias });
}

/** The inputs of prompts that a decoder reads. */
export function promptInputs(
  prompts: readonly (readonly number[])[],
  rows: number,
  length: number,
): NamedArrays {
  const last = new Int32Array(rows);
  prompts.forEach((prompt, row) => (last[row] = row * length + prompt.length - 1));
  return { ...paddedInputs(prompts, rows, length), last };
}

/** `rows` prompts padded on the right to `length`; rows without a prompt are padding throughout. */
function paddedInputs(prompts: readonly (readonly number[])[], rows: number, length: number) {
  const all = rows * length;
  const ids = new Int32Array(all);
  const tokens = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  prompts.forEach((prompt, row) => {
    const start = row * length;
    ids.set(prompt, start);
    tokens.fill(1, start, start + prompt.length);
    for (let i = 0; i < prompt.length; i++) {
      fromStart[start + i] = i;
      fromEnd[start + i] = prompt.length - 1 - i;
    }
  });
  return {
    ids,
    tokens,
    prompt: tokens,
    fromStart,
    fromEnd,
    positions: Int32Array.from({ length: all }, (_, i) => i % length),
  };
}
