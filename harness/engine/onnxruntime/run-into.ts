import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** The first output of a model whose results are not copied: an empty sequence. */
export const NO_TENSOR = 'no tensor';

/**
 * Runs a session and has every result written into its tensor of `fetches`. onnxruntime-node 1.30 would then copy each of
 * them into a tensor of its own, for full fine-tuning all parameters and moments. It stops where a result is none that
 * JavaScript can have: NO_TENSOR, where the model has it. Without it, or in a release that hands sequences over, the
 * copies are made for nothing.
 */
export async function runInto(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: Readonly<Record<string, Tensor>>,
): Promise<void> {
  const stop = session.outputNames[0] === NO_TENSOR;
  await session.run(feeds, { ...(stop && { [NO_TENSOR]: null }), ...fetches }).catch((error: unknown) => {
    if (!(stop && error instanceof Error && error.message.startsWith('Non tensor type'))) throw error;
  });
}
