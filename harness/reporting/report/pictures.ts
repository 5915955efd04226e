/** The charts of a report as PNG files. */
import { ChartJSNodeCanvas } from 'chart.js-node-canvas';
import { chartsOf, labelsOf, themes, type ReportChart } from './page/charts.js';
import type { PageData } from './page-data.ts';

const width = 720;

/**
 * Draws the charts of every table's first metric as PNG, in light colours and at twice their size; the result
 * is by table, then by the chart's name. A chart over all tasks of a base is drawn once, beside the base's
 * first table.
 */
export async function drawCharts(data: PageData): Promise<Record<string, Buffer>[]> {
  const labels = labelsOf(data);
  const theme = { ...themes.light, titles: true };
  const pictures: Record<string, Buffer>[] = [];
  const drawnBases = new Set<string>();
  for (const table of data.tables) {
    const shown = new Set(labels);
    const { tasks, ...own } = chartsOf({ table, metric: 0, shown, labels, theme }, data.tables);
    const charts = tasks && !drawnBases.has(table.model) ? { ...own, tasks } : own;
    drawnBases.add(table.model);
    const drawn: Record<string, Buffer> = {};
    for (const [name, chart] of Object.entries(charts)) drawn[name] = await draw(chart);
    pictures.push(drawn);
  }
  return pictures;
}

/** Draws a chart as PNG at twice its size. */
export function draw({ config, height }: Pick<ReportChart, 'config' | 'height'>): Promise<Buffer> {
  const canvas = new ChartJSNodeCanvas({ width, height, backgroundColour: '#ffffff' });
  const options = { ...config.options, responsive: false, devicePixelRatio: 2 };
  return canvas.renderToBuffer({ ...config, options });
}
