/** Opens the tasks `text` and `classify` on a user's data, and says what was read before anything is trained. */
import { max, median } from 'simple-statistics';
import type { Task } from '../../data/examples/task.ts';
import { divisionSeed } from '../../data/sets/own/divide.ts';
import { splitNames } from '../../data/sets/own/find-files.ts';
import { countSeen, type Dropped, type OwnData } from '../../data/sets/own/load.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { UsageError } from '../../support/errors.ts';
import { openClassifyTask } from './classify-task.ts';
import { readOptions, type GivenOptions, type OwnTaskName } from './options.ts';
import { openTextTask } from './text-task.ts';

/** A task on a user's data. */
export interface OpenedTask {
  readonly task: Task;
  /** What was read, a line each. */
  readonly summary: readonly string[];
}

/** Opens a task on the data at `place`; throws UsageError where options or data cannot be used. */
export async function openOwnTask(
  name: OwnTaskName,
  place: string | undefined,
  given: GivenOptions,
): Promise<OpenedTask> {
  if (place === undefined || place === 'built-in' || place === 'hub') {
    throw new UsageError(
      `--task ${name} works on your own data: give a file, or a folder of files, with --data.`,
    );
  }
  if (name === 'text') {
    const options = await readOptions('text', place, given);
    const { task, data } = await openTextTask(place, options);
    const columns = [options.input, options.target];
    return { task, summary: [...summaryOf(place, data), lengthsOf(data, columns)] };
  }
  const options = await readOptions('classify', place, given);
  const { task, data } = await openClassifyTask(place, options);
  const columns = [options.text, ...(options.text2 === undefined ? [] : [options.text2])];
  return {
    task,
    summary: [...summaryOf(place, data), classLine(data, options.label, task), lengthsOf(data, columns)],
  };
}

function summaryOf(place: string, data: OwnData): string[] {
  const used = sum(splitNames.map((name) => data[name].length));
  const sizes = splitNames.map((name) => `${name} ${count(data[name].length)}`).join(', ');
  const how =
    data.shares === undefined
      ? ''
      : ` (--split ${data.shares}, drawn with the seed ${divisionSeed} for all runs)`;
  const seen = (['validation', 'test'] as const).flatMap((name) => {
    const found = countSeen(data, name);
    return found > 0 ? `${count(found)} of ${name}` : [];
  });
  return [
    `${place}: ${count(data.rows)} rows, ${count(used)} used; ${sizes}${how}`,
    ...data.dropped.map(droppedLine),
    ...(seen.length > 0 ? [`inputs that are trained on too: ${seen.join(', ')}`] : []),
  ];
}

function droppedLine({ why, places }: Dropped): string {
  const [some, more] = [places.slice(0, 5), places.length - 5];
  return `left out ${count(places.length)}, ${why}: ${some.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

/** The classes with their counts over all splits, and which class F1 is of. */
function classLine(data: OwnData, label: string, task: Task): string {
  const classes = (task.kind === 'label' ? task.classes : undefined) ?? [];
  const counts = new Map(classes.map((name) => [name, 0]));
  for (const { answer } of splitNames.flatMap((name) => data[name])) {
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  const most = 20;
  const shown = [...counts].slice(0, most).map(([name, n]) => `${name} ${count(n)}`);
  const rest = counts.size > most ? `, and ${counts.size - most} more classes` : '';
  const one = task.metrics.some(({ name }) => name === 'F1') ? `; F1 is of ${classes[1]!}` : '';
  return `${label}: ${shown.join(', ')}${rest}${one}`;
}

/** Lengths in words, of inputs and, for texts, of the target. */
function lengthsOf(data: OwnData, columns: readonly string[]): string {
  const rows = splitNames.flatMap((name) => data[name]);
  const lengths = columns.map((column, i) => {
    const words = rows.map(({ inputs, answer }) => (inputs[i] ?? answer).split(/\s+/).length);
    return `${column} ${median(words)} (at most ${max(words)})`;
  });
  return `words, median: ${lengths.join(', ')}`;
}

const count = (n: number): string => n.toLocaleString('en');
