/** An engine that measures itself against the calibration, for the times of the gate. */
import type { Engine } from '../../engine/types.ts';

/** An engine that calibrates before every run of a program, and counts operations. */
export interface PacedEngine {
  readonly engine: Engine;
  /** Operations of all programs compiled so far. */
  nodes(): number;
  /** Milliseconds of the calibrations since the last call. */
  calibrations(): number[];
}

/**
 * Wraps an engine so that each run of a program follows a calibration, under the same load of the machine.
 */
export function pacedEngine(engine: Engine, calibrate: () => Promise<number>): PacedEngine {
  let nodes = 0;
  let times: number[] = [];
  return {
    engine: {
      ...engine,
      async compile(signature, program) {
        const compiled = await engine.compile(signature, program);
        nodes += compiled.nodes ?? 0;
        return {
          ...compiled,
          async run(state, inputs, draw) {
            times.push(await calibrate());
            return compiled.run(state, inputs, draw);
          },
        };
      },
    },
    nodes: () => nodes,
    calibrations() {
      const taken = times;
      times = [];
      return taken;
    },
  };
}
