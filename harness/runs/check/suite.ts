/** The fixed suite of the regression gate, and the choice of its parts. */
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { BuiltinModel } from '../../models/bases/built-in.ts';

/** A cell of the gate: a method that is trained for a few steps on a built-in base and built-in data. */
export interface GateCell {
  /** `<task>/<model>/<method>` */
  readonly name: string;
  readonly task: string;
  readonly model: BuiltinModel;
  readonly method: string;
}

const cell = (task: string, model: BuiltinModel, method: string): GateCell => ({
  name: `${task}/${model}/${method}`,
  task,
  model,
  method,
});

/** One method of each kind on a decoder, two on an encoder with a head. */
const cells: readonly GateCell[] = [
  ...['full', 'red', 'lora', 'adapter', 'bitfit', 'prefix', 'loreft'].map((method) =>
    cell('e2e', 'gpt2-mini', method),
  ),
  ...['full', 'red'].map((method) => cell('rte', 'roberta-mini', method)),
];

/** The part of the suite that trains nothing: metrics of fixed predictions, and evaluations of a built-in base. */
export const SCORES = 'scores';

/** What is checked. */
export interface Suite {
  readonly cells: readonly GateCell[];
  readonly scores: boolean;
}

/** The suite, or the named parts of it; throws UsageError on a name that it does not have. */
export function chooseSuite(only: readonly string[]): Suite {
  const names = [...cells.map(({ name }) => name), SCORES];
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `The gate has no cell "${unknown}".${didYouMean(unknown, names)} Cells: ${names.join(', ')}.`,
    );
  }
  const isWanted = (name: string): boolean => only.length === 0 || only.includes(name);
  return { cells: cells.filter(({ name }) => isWanted(name)), scores: isWanted(SCORES) };
}
