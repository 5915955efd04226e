/** Makes the task of a record anew, so that reports compare runs on a user's own data without the data. */
import type { Task } from '../../data/examples/task.ts';
import type { RunRecord } from '../../records/record.ts';
import { classifyTask, classMetricsNamed } from './classify-task.ts';
import { textTask } from './text-task.ts';

/** The task of a record: one of `tasks`, or one on a user's own data; undefined where it is neither. */
export function taskOfRecord(
  { settings, classes, metrics }: Pick<RunRecord, 'settings' | 'classes' | 'metrics'>,
  tasks: ReadonlyMap<string, Task>,
): Task | undefined {
  const { name } = settings.task;
  const known = tasks.get(name);
  if (known) return known;
  if (name.startsWith('text-')) return textTask(name);
  if (!name.startsWith('classify-') || !classes) return undefined;
  const found = classMetricsNamed(metrics.map((metric) => metric.name));
  // What a model was asked is not needed to score its answers.
  return classifyTask({ name, classes, metrics: found, columns: { texts: [], label: '' } });
}
