import { execa } from 'execa';

/** Follows the memory that a process holds on NVIDIA's GPUs. */
export interface DeviceMemory {
  /** Ends it; bytes at the highest of its samples, undefined where nvidia-smi is missing or does not know the process (containers, MIG). */
  stop(): Promise<number | undefined>;
}

/** Samples this process's memory on the GPUs every second, in a process of its own, since a step blocks this one's events. */
export function watchDeviceMemory(): DeviceMemory {
  const query = ['--query-compute-apps=pid,used_memory', '--format=csv,noheader,nounits', '--loop-ms=1000'];
  const child = execa('nvidia-smi', query, { reject: false, stdin: 'ignore', stderr: 'ignore', buffer: false }); // prettier-ignore
  let peak = 0;
  const read = async (): Promise<void> => {
    for await (const line of child) peak = Math.max(peak, bytesOf(line, process.pid));
  };
  // Its end is no error here: it is killed, or was never there.
  const reading = read().catch(() => undefined);
  return {
    async stop() {
      child.kill();
      await reading;
      return peak || undefined;
    },
  };
}

/** Bytes that a line `pid, MiB` says of a process; 0 where it is another's or has no number. */
function bytesOf(line: string, pid: number): number {
  const [owner, mebibytes] = line.split(',').map(Number);
  return owner === pid && mebibytes! > 0 ? mebibytes! * 2 ** 20 : 0;
}
