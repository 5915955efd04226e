/**
 * Says whether products on CUDA may round their float32 operands to tf32. onnxruntime and NVIDIA's libraries do so
 * unless a variable forbids it, which they read once: createEngine calls this before it loads them.
 */
export function allowTf32(allowed: boolean): void {
  if (allowed) delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = '0';
}
