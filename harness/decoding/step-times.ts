/** Times the steps of greedy decoding, one token of one text at a time. runs/measure compares them. */
import { Decoder } from './on-host/decoder.ts';
import type { LoadedModel } from './programs.ts';

/**
 * The milliseconds of each step of a greedy search for `tokens` tokens after a prompt, whatever they are. The
 * prompt is read and the first step's program compiled before; a cache that grows compiles another one, so that
 * some steps take much longer.
 */
export async function stepTimes(
  model: LoadedModel,
  prompt: readonly number[],
  tokens: number,
  signal?: AbortSignal,
): Promise<number[]> {
  const alone = { groups: 1, beams: 1, prompts: 1, candidates: 1, idleBytes: Infinity };
  const decoder = new Decoder({ ...model, normalized: false }, alone);
  try {
    let [best] = await decoder.start([{ group: 0, prompt }], 1);
    const times: number[] = [];
    while (times.length < tokens) {
      signal?.throwIfAborted();
      const start = performance.now();
      [[best]] = (await decoder.step([{ group: 0, tokens: [best!.ids[0]!], parents: [0] }], 1)) as [
        [typeof best],
      ];
      times.push(performance.now() - start);
    }
    return times;
  } finally {
    await decoder.dispose();
  }
}
