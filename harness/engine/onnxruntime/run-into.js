// @ts-check
/**
 * Runs a session whose results are written into the caller's tensors, without copies. JavaScript, since it
 * runs in session-worker.js too, where no TypeScript is loaded.
 *
 * onnxruntime-node 1.30 copies every output, even into a tensor that the caller gave: for full fine-tuning
 * all parameters and moments. A first output that its binding cannot convert (an empty sequence, NO_TENSOR)
 * makes it throw after every result is in place, and runInto swallows just that error. Without such an
 * output, or in a release that converts sequences, results are the same, only copied.
 */

/** @import { InferenceSession, Tensor } from 'onnxruntime-node' */

/** The first output of a model whose results are not copied: an empty sequence. */
export const NO_TENSOR = 'no tensor';

/**
 * Runs a session once; every result is written into its tensor of `fetches`. Throws what onnxruntime throws.
 * @param {InferenceSession} session
 * @param {Readonly<Record<string, Tensor>>} feeds
 * @param {Readonly<Record<string, Tensor>>} fetches
 * @returns {Promise<void>}
 */
export async function runInto(session, feeds, fetches) {
  const stops = session.outputNames[0] === NO_TENSOR;
  /** @param {unknown} error */
  const ignoreStop = (error) => {
    if (!(stops && error instanceof Error && error.message.startsWith('Non tensor type'))) throw error;
  };
  await session.run(feeds, stops ? { [NO_TENSOR]: null, ...fetches } : fetches).catch(ignoreStop);
}
