/**
 * The charts of a report as files: PNG for the web, SVG and PDF, whose lines and letters stay sharp, for papers.
 */
import { createCanvas, PDFDocument, SvgExportFlag } from '@napi-rs/canvas';
import { Chart, type ChartItem } from 'chart.js/auto';
import { ChartJSNodeCanvas } from 'chart.js-node-canvas';
import { chartsOf, labelsOf, themes, type ReportChart } from './page/charts.js';
import type { PageData } from './page-data.ts';

const width = 720;

type Drawn = Pick<ReportChart, 'config' | 'height'>;

const drawers = { png: drawPng, svg: drawSvg, pdf: drawPdf };
/** A format of pictures. */
export type PictureFormat = keyof typeof drawers;

/**
 * Draws the charts of every table's first metric, and of the two columns that were chosen, in light colours; the
 * result is by table, then by the chart's name. A chart over all tasks of a base is drawn once, beside the base's
 * first table.
 */
export async function drawCharts(
  data: PageData,
  format: PictureFormat,
): Promise<Record<string, Uint8Array>[]> {
  const labels = labelsOf(data);
  const theme = { ...themes.light, titles: true };
  const pictures: Record<string, Uint8Array>[] = [];
  const drawnBases = new Set<string>();
  for (const table of data.tables) {
    const shown = new Set(labels);
    const context = { table, metric: 0, shown, labels, theme, axes: data.axes };
    const { tasks, ...own } = chartsOf(context, data.tables);
    const charts = tasks && !drawnBases.has(table.model) ? { ...own, tasks } : own;
    drawnBases.add(table.model);
    const drawn: Record<string, Uint8Array> = {};
    for (const [name, chart] of Object.entries(charts)) drawn[name] = await drawers[format](chart);
    pictures.push(drawn);
  }
  return pictures;
}

/** Draws a chart as PNG at twice its size. */
export function drawPng({ config, height }: Drawn): Promise<Buffer> {
  const canvas = new ChartJSNodeCanvas({ width, height, backgroundColour: '#ffffff' });
  const options = { ...config.options, responsive: false, devicePixelRatio: 2 };
  return canvas.renderToBuffer({ ...config, options });
}

function drawSvg(chart: Drawn): Buffer {
  const canvas = createCanvas(width, chart.height, SvgExportFlag.NoPrettyXML);
  drawOn(canvas, chart);
  return canvas.getContent();
}

function drawPdf(chart: Drawn): Buffer {
  const document = new PDFDocument();
  const context = document.beginPage(width, chart.height);
  const canvas = { width, height: chart.height, getContext: () => context };
  // Chart.js draws nothing on a context that has no canvas, and a page's has none.
  drawOn(Object.assign(context, { canvas }).canvas, chart);
  document.endPage();
  return document.close();
}

function drawOn(canvas: unknown, { config }: Drawn): void {
  const options = { ...config.options, responsive: false, devicePixelRatio: 1 };
  new Chart(canvas as ChartItem, { ...config, options });
}
