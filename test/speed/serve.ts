import { createInterface } from 'node:readline';
import { packageVersion } from '../../harness/records/environment.ts';
import type { Ready, Turn } from './side.ts';

/** Our programs' end of the protocol: says that it is ready, then takes as many steps as each line of standard input says. */
export async function serve(
  take: (n: number) => Promise<Omit<Turn, 'peak'>>,
  phases?: Ready['phases'],
): Promise<void> {
  const versions = { node: process.version, 'onnxruntime-node': (await packageVersion('onnxruntime-node'))! };
  console.log(JSON.stringify({ versions, ...(phases && { phases }) } satisfies Ready));
  for await (const line of createInterface({ input: process.stdin })) {
    const turn = await take(Number(line));
    console.log(JSON.stringify({ ...turn, peak: process.resourceUsage().maxRSS * 1024 } satisfies Turn));
  }
}
