// NVIDIA's libraries read whether products may be rounded to tf32 from a variable.
import { expect, test, vi } from 'vitest';
import { allowTf32 } from '../../../harness/engine/onnxruntime/allow-tf32.ts';
import { floatTypeOf, precisions } from '../../../harness/engine/types.ts';

test('float32 forbids tf32, and tf32 allows it, whatever the environment says', () => {
  vi.stubEnv('NVIDIA_TF32_OVERRIDE', '1');
  allowTf32(false);
  expect(process.env.NVIDIA_TF32_OVERRIDE).toBe('0');
  allowTf32(true);
  expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
});

test('products of tf32 read float32', () => {
  expect(precisions.map(floatTypeOf)).toEqual(['float32', 'float32', 'bfloat16', 'float16']);
});
