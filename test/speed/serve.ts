/** The protocol of step.ts and decode.ts; side.ts is its other end. */
import { createInterface } from 'node:readline';
import { packageVersion } from '../../harness/records/environment.ts';
import type { Ready, Turn } from './side.ts';

/**
 * Prints that the program is ready, then takes n steps for each line n of standard input and prints their
 * times.
 */
export async function serve(
  take: (n: number) => Promise<Omit<Turn, 'peak'>>,
  about: Omit<Ready, 'versions'> = {},
): Promise<void> {
  const versions = { node: process.version, 'onnxruntime-node': (await packageVersion('onnxruntime-node'))! };
  console.log(JSON.stringify({ versions, ...about } satisfies Ready));
  for await (const line of createInterface({ input: process.stdin })) {
    const turn = await take(Number(line));
    console.log(JSON.stringify({ ...turn, peak: process.resourceUsage().maxRSS * 1024 } satisfies Turn));
  }
}
