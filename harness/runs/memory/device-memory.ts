/** Measures the GPU memory of this process by NVIDIA's nvidia-smi, for the records of runs on CUDA. */
import { loadExeca } from '../../support/load-execa.ts';

/** A measurement under way. */
export interface DeviceMemory {
  /**
   * Ends the measurement and returns its highest sample in bytes; undefined where nvidia-smi is missing or
   * does not know the process (in containers, with MIG).
   */
  stop(): Promise<number | undefined>;
}

/**
 * Samples this process's GPU memory every second, by a process of its own: training steps block this one's
 * events.
 */
export async function watchDeviceMemory(): Promise<DeviceMemory> {
  const query = ['--query-compute-apps=pid,used_memory', '--format=csv,noheader,nounits', '--loop-ms=1000'];
  const quiet = { reject: false, stdin: 'ignore', stderr: 'ignore', buffer: false } as const;
  const execa = await loadExeca();
  const child = execa('nvidia-smi', query, quiet);
  let peak = 0;
  const read = async (): Promise<void> => {
    for await (const line of child) peak = Math.max(peak, bytesOf(line, process.pid));
  };
  // The end of nvidia-smi is no error here: it is killed, or was never there.
  const reading = read().catch(() => undefined);
  return {
    async stop() {
      child.kill();
      await reading;
      return peak || undefined;
    },
  };
}

/** Reads the bytes of a process from a line `pid, MiB`; 0 where it is another's or has no number. */
function bytesOf(line: string, pid: number): number {
  const [owner, mebibytes] = line.split(',').map(Number);
  return owner === pid && mebibytes! > 0 ? mebibytes! * 2 ** 20 : 0;
}
