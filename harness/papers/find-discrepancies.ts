/** All discrepancies of papers and their code, and those that apply to a run. Protocols choose the sides. */
import type { Discrepancy, SeedChoice, Side } from './discrepancy.ts';
import { metamathDiscrepancies } from './peft/discrepancies.ts';
import { redDiscrepancies } from './red/discrepancies.ts';

/** Every discrepancy that is a switch here. */
export const discrepancies: readonly Discrepancy[] = [...redDiscrepancies, ...metamathDiscrepancies];

/**
 * What a discrepancy may depend on. The family is unknown before the base is opened, and some callers do not
 * know the data.
 */
export interface DiscrepancyCase {
  readonly task: string;
  /** The base as the paper calls it; see paperModel. */
  readonly model: string;
  readonly methods: readonly string[];
  readonly family?: string;
  readonly data?: 'official' | 'built-in';
}

/** Finds the discrepancies that apply to a run; those of single families only if the family is given. */
export function discrepanciesOf({ task, model, methods, family, data }: DiscrepancyCase): Discrepancy[] {
  return discrepancies.filter(
    (entry) =>
      entry.tasks.includes(task) &&
      (!entry.models || entry.models.includes(model)) &&
      (!entry.methods || methods.some((method) => entry.methods!.includes(method))) &&
      (!entry.data || data !== 'built-in') &&
      (!entry.families || (family !== undefined && entry.families.includes(family))),
  );
}

/** The seeds that the taken sides set for a run, if they differ from its recipe. */
export function seedChoice(run: DiscrepancyCase, side: (id: string) => Side): SeedChoice | undefined {
  return discrepanciesOf(run)
    .flatMap(({ id, seeds = [] }) => seeds.filter((choice) => choice.side === side(id)))
    .find(({ models }) => models.includes(run.model));
}
