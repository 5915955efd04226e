/** The memory that this process may use. */
import { totalmem } from 'node:os';

/** Bytes of memory that this process may use: the machine's, or its container's limit where there is one. */
export function usableMemory(): number {
  // 0 stands for no limit.
  return Math.min(totalmem(), process.constrainedMemory() || Infinity);
}
