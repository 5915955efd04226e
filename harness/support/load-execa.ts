/** How code that every run loads starts other programs: by execa, which it loads only then. */
import type { execa } from 'execa';

/** Loads execa, whose 120 modules would take a tenth of a second of the start of every command. */
export async function loadExeca(): Promise<typeof execa> {
  return (await import('execa')).execa;
}
