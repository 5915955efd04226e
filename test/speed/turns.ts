/** Runs the sides of a case in turns. */
import type { Ready, Side, Turn } from './side.ts';

/** The turns of one side of a case, or the reason why it did not run. */
export type Timed = { readonly ready: Ready; readonly turns: readonly Turn[] } | { readonly missing: string };

/**
 * Starts the sides and lets them take `steps` steps in turns. Other programs use the machine as well, so only
 * turns that follow each other can be compared.
 */
export async function takeTurns(
  starts: Readonly<Record<string, () => Promise<Side>>>,
  steps: number,
  alternations: number,
): Promise<Record<string, Timed>> {
  const sides: Record<string, { side: Side; turns: Turn[] }> = {};
  const missing: Record<string, Timed> = {};
  try {
    for (const [name, start] of Object.entries(starts)) {
      try {
        sides[name] = { side: await start(), turns: [] };
      } catch (error) {
        missing[name] = { missing: (error as Error).message };
      }
    }
    for (let i = 0; i < alternations; i++) {
      for (const { side, turns } of Object.values(sides)) turns.push(await side.steps(steps));
    }
    const timed = Object.entries(sides).map(([name, { side, turns }]) => [
      name,
      { ready: side.ready, turns },
    ]);
    return { ...(Object.fromEntries(timed) as Record<string, Timed>), ...missing };
  } finally {
    for (const { side } of Object.values(sides)) side.stop();
  }
}
