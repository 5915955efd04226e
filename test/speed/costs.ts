import { join } from 'node:path';
import { median } from 'simple-statistics';
import { loadMethods } from '../../harness/runs/plugins.ts';
import { startSide, type Side } from './side.ts';

const shape = ['--layers', '6', '--width', '384', '--heads', '6', '--vocab', '8000', '--batch', '16', '--length', '64']; // prettier-ignore

/** Prints what a step of each method costs at 6×384, relative to RED's and to full fine-tuning's in the same turn. */
export async function printCosts(threads: string, alternations: number): Promise<void> {
  const start = async (method: string): Promise<Side> => {
    const script = join(import.meta.dirname, 'step.ts');
    const side = await startSide('node', ['--import', 'tsx', script, ...shape, '--method', method, '--threads', threads]); // prettier-ignore
    if (!side) throw new Error(`${method} does not start`);
    return side;
  };
  const [red, full] = [await start('red'), await start('full')];
  console.log('6×384, 8k words, 16×64: costs of the methods; peak memory in GiB');
  console.log('method            ms a step  / RED  / full  memory  / full');
  for (const name of (await loadMethods()).keys()) {
    // A head alone is no method of a model that writes.
    if (name === 'none') continue;
    const side = await start(name);
    const own: number[] = [];
    const ratios: [number, number][] = [];
    let [peak, most] = [0, 0];
    for (let i = 0; i < alternations; i++) {
      const [a, b, c] = [await side.steps(1), await red.steps(1), await full.steps(1)];
      own.push(...a.times);
      ratios.push([median(a.times) / median(b.times), median(a.times) / median(c.times)]);
      [peak, most] = [a.peak, c.peak];
    }
    side.stop();
    const middle = (column: 0 | 1): string => median(ratios.map((pair) => pair[column])).toFixed(2);
    const cells = [median(own).toFixed(0).padStart(9), middle(0).padStart(5), middle(1).padStart(6), (peak / 2 ** 30).toFixed(2).padStart(6), (peak / most).toFixed(2).padStart(6)]; // prettier-ignore
    console.log(`${name.padEnd(16)}  ${cells.join('  ')}`);
  }
  red.stop();
  full.stop();
}
