import type { InferenceSession, Tensor } from 'onnxruntime-node';

/** The first output of every model of ours: an empty sequence. */
export const NO_TENSOR = 'no tensor';

/**
 * Runs a session and has every result written into its tensor of `fetches`. onnxruntime-node 1.30 would then copy each of
 * them into a tensor of its own, for full fine-tuning all parameters and moments. It stops where a result is none that
 * JavaScript can have, so that is the first one. A release that hands sequences over copies, and is right as well.
 */
export async function runInto(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: Readonly<Record<string, Tensor>>,
): Promise<void> {
  await session.run(feeds, { [NO_TENSOR]: null, ...fetches }).catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('Non tensor type'))) throw error;
  });
}
