/** How a task whose answers are classes or values is given to models that generate text. */
import { encodePair } from './encode-pair.ts';
import {
  metricName,
  type Draw,
  type LabelTask,
  type LabelledExample,
  type TestItem,
  type TextTask,
} from './task.ts';

/**
 * Makes a text task of a label task: the model writes the answer as text, and `read` turns that text back
 * into a class or a value before the answers are scored.
 */
export function asTextTask(task: LabelTask, draw: Draw): TextTask {
  const { write, read, draw: split, ...base } = task;
  const toItem = (example: LabelledExample, set?: string): TestItem => {
    const { input, target } = write(example, draw);
    const item = { id: example.id, input, references: [target], label: example.label };
    return set === undefined ? item : { ...item, set };
  };
  return {
    ...base,
    kind: 'text',
    async load(source, options) {
      const data = await task.load(source, options);
      const { train, validation, test, alsoTest = {}, source: found } = split(data, draw);
      const more = Object.entries(alsoTest).flatMap(([name, examples]) =>
        examples.map((example) => toItem(example, name)),
      );
      return {
        source: found,
        train: train.map((example) => write(example, draw)),
        validation: validation.map((example) => write(example, draw)),
        validationItems: validation.map((example) => toItem(example)),
        test: [...test.map((example) => toItem(example)), ...more],
      };
    },
    encode: encodePair,
    clean: (text) => text.trim(),
    score(predictions) {
      const sets = new Map<string | undefined, { predicted: number[]; labels: number[] }>();
      for (const { set: name, prediction, label } of predictions) {
        const set = sets.get(name) ?? { predicted: [], labels: [] };
        set.predicted.push(read(prediction, draw));
        set.labels.push(label!);
        sets.set(name, set);
      }
      const named = [...sets].flatMap(([set, { predicted, labels }]) =>
        Object.entries(task.score(predicted, labels, draw)).map(([metric, value]) => [
          metricName(metric, set),
          value,
        ]),
      );
      return Promise.resolve({ metrics: Object.fromEntries(named) as Record<string, number> });
    },
  };
}
