/** The radar chart of the RED paper's Figure 2 with our numbers, and the same as bars, which are easier to read. */
import type { PublishedTable } from './published-table.ts';
import { themes } from '../report/page/charts.js';
import { drawPng } from '../report/pictures.ts';

/** A method's numbers over the columns, the paper's or ours. */
interface Series {
  readonly label: string;
  readonly values: (number | null)[];
  readonly color: string;
  readonly isOurs: boolean;
}

/** The paper's series of each row, and ours where there are any. */
function seriesOf({ rows }: PublishedTable): Series[] {
  const { palette } = themes.light;
  return rows.flatMap(({ label, cells }, i) => {
    const color = palette[i % palette.length]!;
    const ours = cells.map((cell) => cell.ours?.mean ?? null);
    const theirs = cells.map((cell) => cell.theirs.mean);
    return [
      { label, values: theirs, color, isOurs: false },
      ...(ours.some((value) => value !== null)
        ? [{ label: `${label}, ours`, values: ours, color, isOurs: true }]
        : []),
    ];
  });
}

const columnsOf = ({ rows }: PublishedTable): string[] => rows[0]?.cells.map(({ column }) => column) ?? [];

/** The title and the legend of both charts. */
function framesOf({ id, caption }: PublishedTable) {
  const { text } = themes.light;
  return {
    title: { display: true, text: `${caption} (${id})`, color: text, font: { size: 16 } },
    legend: { position: 'bottom' as const, labels: { color: text } },
  };
}

/**
 * Draws a published figure as a radar chart (PNG): the paper's methods over its columns, ours as dashed lines
 * if there are any.
 */
export function drawPublishedRadar(table: PublishedTable): Promise<Buffer> {
  const { grid, text } = themes.light;
  return drawPng({
    height: 560,
    config: {
      type: 'radar',
      data: {
        labels: columnsOf(table),
        datasets: seriesOf(table).map(({ label, values, color, isOurs }) => ({
          label,
          data: values,
          borderColor: color,
          pointBackgroundColor: color,
          backgroundColor: 'transparent',
          borderWidth: 1.8,
          borderDash: isOurs ? [6, 4] : [],
          spanGaps: true,
        })),
      },
      options: {
        plugins: framesOf(table),
        scales: {
          r: {
            beginAtZero: true,
            grid: { color: grid },
            angleLines: { color: grid },
            pointLabels: { color: text, font: { size: 13 } },
            ticks: { color: text, backdropColor: 'transparent' },
          },
        },
      },
    },
  });
}

/** Draws the same numbers as bars (PNG), a group for each column; ours are outlined. */
export function drawPublishedBars(table: PublishedTable): Promise<Buffer> {
  const { grid, text } = themes.light;
  return drawPng({
    height: 480,
    config: {
      type: 'bar',
      data: {
        labels: columnsOf(table),
        datasets: seriesOf(table).map(({ label, values, color, isOurs }) => ({
          label,
          data: values,
          borderColor: color,
          backgroundColor: isOurs ? 'transparent' : color,
          borderWidth: 1.8,
        })),
      },
      options: {
        plugins: framesOf(table),
        scales: {
          x: { grid: { display: false }, ticks: { color: text } },
          y: { beginAtZero: true, grid: { color: grid }, ticks: { color: text } },
        },
      },
    },
  });
}
