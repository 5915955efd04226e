/**
 * Rows that methods are measured against: the frozen base (an encoder's with its head trained), the most
 * frequent answer and the copied input. `run --standing-rows` adds those that say something of a task.
 */
import type { Task } from '../../data/examples/task.ts';
import type { Method } from '../../models/method.ts';
import { UsageError } from '../../support/errors.ts';
import type { Cell } from './cell.ts';
import { answersOf } from './variants/variant.ts';

const names = ['none', 'most-frequent', 'copied-input'];

/** The names of the standing rows that say something of a task, of those methods that there are. */
export const standingRows = (task: Task, methods: ReadonlyMap<string, Method>): string[] =>
  names.filter((name) => methods.has(name) && whyNot(task, methods.get(name)!.answers) === undefined);

/** Throws UsageError where a cell without a model says nothing of its task, or has other methods beside. */
export function checkStanding({
  task,
  variant,
  judgedOn,
}: Pick<Cell, 'task' | 'variant' | 'judgedOn'>): void {
  const answers = answersOf(variant);
  if (answers === undefined) return;
  if (variant.parts.length > 1)
    throw new UsageError(`${variant.name}: ${answers} uses no model and stands alone.`);
  if (judgedOn) throw new UsageError(`${answers} has no settings: there is nothing to tune.`);
  const why = whyNot(task, answers);
  if (why !== undefined) throw new UsageError(`${answers} says nothing of ${task.name}: ${why}.`);
}

/** Why answers without a model say nothing of a task; undefined where they do. */
function whyNot(task: Task, answers: Method['answers']): string | undefined {
  if (answers === undefined || task.kind === 'text') return undefined;
  if (answers === 'copied-input') return 'its answers are classes or values, its inputs are texts';
  return task.classes ? undefined : 'its answers are values, with which a constant has no correlation';
}
