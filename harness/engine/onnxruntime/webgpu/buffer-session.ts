/** Sessions on tensors in WebGPU's buffers (buffer-memory.ts). */
import * as ort from 'onnxruntime-node';
import { runInto } from '../run-into.js';
import { type HostTensors, onHost, type Session, type SessionParts, type Tensors } from '../session.ts';
import type { BufferMemory } from './buffer-memory.ts';
import { BufferTensor } from './buffer-tensor.ts';

/** Opens a session that reads buffers and leaves new state in them; throws what onnxruntime throws. */
export async function openOnBuffers(
  memory: BufferMemory,
  { model, options, frozen, state }: SessionParts,
): Promise<Session> {
  const places = Object.fromEntries(state.map((name) => [name, 'gpu-buffer' as const]));
  const session = await ort.InferenceSession.create(model, {
    ...options,
    ...(state.length > 0 && { preferredOutputLocation: places }),
  });
  return {
    async run(feeds, fetches) {
      const read = await inBuffers(memory, { ...frozen, ...feeds });
      if (state.length === 0) await runInto(session, read, onHost(fetches));
      else await runToBuffers(session, read, fetches);
    },
    release: () => session.release(),
  };
}

/** The tensors, those of the memory by their buffers. */
async function inBuffers(memory: BufferMemory, tensors: Tensors): Promise<HostTensors> {
  const read: Record<string, ort.Tensor> = {};
  for (const [name, operand] of Object.entries(tensors)) {
    if (operand instanceof BufferTensor) await memory.keep(operand);
    read[name] = operand instanceof BufferTensor ? operand.value : (operand as ort.Tensor);
  }
  return read;
}

/** Runs a session with state among its results: onnxruntime makes a tensor for each anew. */
async function runToBuffers(
  session: ort.InferenceSession,
  feeds: HostTensors,
  fetches: Tensors,
): Promise<void> {
  // The buffers of the state before the last are free for the results.
  for (const target of Object.values(fetches)) if (target instanceof BufferTensor) target.release();
  const results = await session.run(feeds, Object.keys(fetches));
  for (const [name, target] of Object.entries(fetches)) {
    const result = results[name]!;
    if (target instanceof BufferTensor) target.replace(result);
    // The state of a copy of the program that had no run stays in a buffer that nobody reads.
    else if (result.location === 'gpu-buffer') result.dispose();
    else ((target as ort.Tensor).data as Float32Array).set(result.data as Float32Array);
  }
}
