/** Starts the engine of a plan and tries it before any cell depends on it. */
import type { Engine } from '../../engine/types.ts';
import type { Plan } from '../plan/cell.ts';
import { UsageError, messageOf } from '../../support/errors.ts';

/** Runs one matrix product: a device that is not there, or lacks the precision, shows only then. */
async function tryEngine(engine: Engine): Promise<void> {
  const state = engine.state({});
  const frozen = engine.freeze({});
  const inputs = { x: { shape: [1, 1], dtype: 'float32' } } as const;
  const program = await engine.compile(
    { name: 'trial', frozen, state: state.types, inputs },
    ({ inputs: { x } }) => ({
      outputs: { y: x!.matMul(x!) },
    }),
  );
  await program.run(state, { x: Float32Array.of(1) });
  await program.dispose();
  state.dispose();
  frozen.dispose();
}

/** Starts the engine of a plan and tries it; throws UsageError where it does not run here. */
export async function startEngine({
  engine: { name, device, threads, precision, recompute },
}: Pick<Plan, 'engine'>): Promise<Engine> {
  const { createEngine } = await import('../../engine/create.ts');
  try {
    const engine = await createEngine({
      name,
      threads,
      precision,
      recompute,
      ...(device === undefined ? {} : { device }),
    });
    await tryEngine(engine);
    return engine;
  } catch (error) {
    // Another seed would fail as well, so that no failed run is recorded.
    const reason = messageOf(error).replace(/\.$/, '');
    const where = device === undefined ? '' : ` on ${device}`;
    const message = `The engine ${name} does not run${where}: ${reason}. "doctor" says what works here.`;
    throw new UsageError(message, { cause: error });
  }
}
