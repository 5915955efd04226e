/** The radar chart of the RED paper's Figure 2, with our numbers. */
import type { PublishedTable } from './published-table.ts';
import { themes } from '../report/page/charts.js';
import { drawPng } from '../report/pictures.ts';

/**
 * Draws a published figure as a radar chart (PNG): the paper's methods over its columns, ours as dashed lines
 * if there are any.
 */
export function drawPublishedRadar({ id, caption, rows }: PublishedTable): Promise<Buffer> {
  const { palette, grid, text } = themes.light;
  const columns = rows[0]?.cells.map(({ column }) => column) ?? [];
  const lines = rows.flatMap(({ label, cells }, i) => {
    const line = (name: string, values: readonly (number | null)[], borderDash: number[]) => ({
      label: name,
      data: [...values],
      borderColor: palette[i % palette.length]!,
      pointBackgroundColor: palette[i % palette.length]!,
      backgroundColor: 'transparent',
      borderWidth: 1.8,
      borderDash,
      spanGaps: true,
    });
    const ours = cells.map((cell) => cell.ours?.mean ?? null);
    const theirs = cells.map((cell) => cell.theirs.mean);
    return [
      line(label, theirs, []),
      ...(ours.some((value) => value !== null) ? [line(`${label}, ours`, ours, [6, 4])] : []),
    ];
  });
  return drawPng({
    height: 560,
    config: {
      type: 'radar',
      data: { labels: columns, datasets: lines },
      options: {
        plugins: {
          title: { display: true, text: `${caption} (${id})`, color: text, font: { size: 16 } },
          legend: { position: 'bottom', labels: { color: text } },
        },
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
