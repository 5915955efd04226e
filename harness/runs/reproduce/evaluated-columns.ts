/** The columns of a published table that are evaluations of what its runs train. plan-table.ts plans by them. */
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { ResultsTable } from '../../papers/published-table.ts';
import { redEvaluations, rehearsalEvaluations } from '../../papers/red/our-names.ts';
import { chooseEvaluations } from '../evaluate/choose-evaluations.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';

/** A column that is an evaluation, or a group of them. */
export interface EvaluatedColumn {
  /** The column's task, as the table has it. */
  readonly task: string;
  /** The evaluation, as chooseEvaluations reads it. */
  readonly text: string;
  /** Why it is not evaluated. */
  readonly reason?: string | undefined;
}

/** What of a ReproduceRequest decides which evaluations there are. */
interface Asked {
  readonly scale: 'full' | 'mini';
  readonly data?: string | undefined;
  readonly tasks?: readonly string[] | undefined;
}

/** The columns in the table's order. Built-in data have evaluations of their own in place of the paper's. */
export async function evaluatedColumns(
  columns: readonly string[],
  { protocol }: NonNullable<ResultsTable['evaluates']>,
  { scale, data, tasks }: Asked,
): Promise<EvaluatedColumn[]> {
  const all = await loadEvaluations();
  const isBuiltIn = data === 'built-in' || (data === undefined && scale === 'mini');
  return columns.map((task) => {
    const own = redEvaluations[task] ?? task;
    const name = isBuiltIn && !hasBuiltInData(own, all) ? rehearsalEvaluations[task]! : own;
    const hasProtocol = membersOf(name, all).every(({ shots }) => Object.hasOwn(shots, protocol));
    return {
      task,
      text: hasProtocol ? `${name}~protocol=${protocol}` : name,
      ...(tasks && !tasks.includes(task) && { reason: 'left out by --tasks' }),
    };
  });
}

const membersOf = (name: string, all: ReadonlyMap<string, Evaluation>): readonly Evaluation[] =>
  chooseEvaluations([name], all)[0]!.members.map(({ evaluation }) => evaluation);

const hasBuiltInData = (name: string, all: ReadonlyMap<string, Evaluation>): boolean =>
  membersOf(name, all).every(({ sources }) => sources.includes('built-in'));
