/** Writes the differences of two runs as text for a terminal. `bench diff` and `bench rerun` print it. */
import type { ExampleDiff, RunDiff } from '../../reporting/diff/diff-runs.ts';
import { layoutTable, wrapText } from '../../reporting/tables/layout-text.ts';
import { heading } from './output.ts';

/** Blocks of settings, numbers and at most `most` examples, in lines of at most `width` characters. */
export function runDiffText(
  { settings, numbers, examples, shared }: RunDiff,
  names: readonly [string, string],
  { most, width }: { readonly most: number; readonly width: number },
): string {
  const settingsText =
    settings.length === 0
      ? 'All settings are the same.'
      : settings
          .map(({ name, values }) => wrapText(`${name}: ${values[0]} → ${values[1]}`, width))
          .join('\n');
  const header = ['number', ...names, 'difference'];
  const rows = numbers.map(({ name, values, difference }) => [name, ...values, difference]);
  return [
    heading('Settings'),
    settingsText,
    heading('Numbers'),
    layoutTable({ header, rows, names: 1 }, width),
    heading('Examples'),
    ...examplesText(examples, shared, names, { most, width }),
  ].join('\n\n');
}

function examplesText(
  examples: RunDiff['examples'],
  shared: number,
  names: readonly [string, string],
  { most, width }: { readonly most: number; readonly width: number },
): string[] {
  if (!examples) return ['A run has no predictions, or they are not those of its record.'];
  const only = (side: 0 | 1): number =>
    examples.filter(({ isRight }) => isRight[side] && !isRight[1 - side]).length;
  // Texts are seldom equal to a reference, so that counts of right ones tell only of other answers.
  const hasRight = examples.some(({ isRight }) => isRight[0] || isRight[1]);
  const summary =
    `${examples.length} of ${shared} are answered differently` +
    (hasRight ? `; right are ${only(0)} by ${names[0]} alone, ${only(1)} by ${names[1]} alone.` : '.');
  const shown = examples.slice(0, most).map((example) => exampleText(example, names, width));
  const left = examples.length - shown.length;
  return [
    wrapText(summary, width),
    ...shown,
    ...(left > 0 ? [`${left} more: --examples N shows N, --json all.`] : []),
  ];
}

function exampleText(
  { id, input, references, answers, isRight }: ExampleDiff,
  names: readonly [string, string],
  width: number,
): string {
  const lines = [
    `Example ${id}${input === undefined ? '' : `: ${input}`}`,
    `  reference: ${references.join(' | ')}`,
    ...answers.map(
      (answer, side) => `  ${isRight[side] ? '✓' : ' '} ${names[side]!}: ${answer || '(empty)'}`,
    ),
  ];
  return lines.map((line) => wrapText(line, width)).join('\n');
}
