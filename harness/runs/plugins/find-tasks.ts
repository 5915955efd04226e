/** Which tasks a name stands for: a task, or a group such as `glue`. Planning runs and tables ask. */
import type { Task } from '../../data/examples/task.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { ownTasks } from '../own-tasks/options.ts';

/** The tasks of a name, those of a group in alphabetical order; throws UsageError where there are none. */
export function findTasks(name: string, tasks: ReadonlyMap<string, Task>): readonly Task[] {
  const task = tasks.get(name);
  if (task) return [task];
  const members = [...tasks.values()].filter(({ groups }) => groups?.includes(name));
  if (members.length > 0) return members;
  const groups = taskGroups(tasks);
  const names = [...tasks.keys(), ...Object.keys(ownTasks), ...groups];
  throw new UsageError(
    `There is no task "${name}".${didYouMean(name, names)} Tasks: ` +
      `${[...tasks.keys(), ...Object.keys(ownTasks)].join(', ')}; groups: ${groups.join(', ') || 'none'}.`,
  );
}

/** The groups that tasks belong to. */
export function taskGroups(tasks: ReadonlyMap<string, Task>): string[] {
  return [...new Set([...tasks.values()].flatMap(({ groups = [] }) => groups))];
}
