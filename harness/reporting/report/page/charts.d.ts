import type { ChartConfiguration } from 'chart.js';
import type { Axes, PageData, PageRow, PageTable } from '../page-data.ts';

/** Colours of a chart. */
export interface Theme {
  readonly text: string;
  readonly grid: string;
  readonly background: string;
  readonly palette: readonly string[];
  /** Whether the chart shows its own title; the page has captions. */
  readonly titles: boolean;
}

/** What a chart needs to know besides its data. */
export interface ChartContext {
  readonly table: PageTable;
  /** Which of the table's metrics. */
  readonly metric: number;
  /** Rows to show, by their labels. */
  readonly shown: ReadonlySet<string>;
  /** All labels of the report: a label has the same colour and marker in every chart. */
  readonly labels: readonly string[];
  readonly theme: Theme;
  /** The columns of the picture of any two; none is drawn where absent. */
  readonly axes?: Axes | undefined;
}

/** A column of numbers that rows have: a metric or a cost. */
export interface Quantity {
  readonly name: string;
  readonly title: string;
  readonly higherIsBetter: boolean;
  of(row: PageRow): { readonly value: number; readonly sd: number | null; readonly text: string } | null;
}

export interface ReportChart {
  readonly title: string;
  /** What it shows, in a sentence or two. */
  readonly caption: string;
  /** The same data as a table; numbers are already text. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly config: ChartConfiguration;
  /** Pixels at a width of 720. */
  readonly height: number;
}

/** Marker of a point, as Chart.js calls it. */
export type PointShape = 'circle' | 'rect' | 'triangle' | 'rectRot' | 'cross' | 'star' | 'crossRot';

/** A part of a picture, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
/** A point, its error bar's half and its name's size, in pixels. */
export interface NamedPoint {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly bar: number;
  readonly width: number;
  readonly height: number;
}

export const themes: Readonly<Record<'light' | 'dark', Theme>>;
/** Labels in the order that gives them colours and markers. */
export function labelsOf(data: PageData): string[];
export function styleOf(
  label: string,
  context: Pick<ChartContext, 'labels' | 'theme'>,
): { color: string; pointStyle: PointShape; borderDash: number[] };
/**
 * Indices of points that no other one beats: none is at least as good on both axes and better on one; a
 * smaller x is better.
 */
export function paretoFront(
  points: readonly { readonly x: number; readonly y: number }[],
  higherIsBetter: boolean,
): number[];
/** Ends of an axis of costs between `least` and `most`. */
export function axisRange(least: number, most: number, logarithmic: boolean): { low: number; high: number };
/** The numbers of a logarithmic axis, three at least. */
export function logTicks(low: number, high: number): number[];
/**
 * Boxes for names beside their points, by point; they cover no point and no other name where that is
 * possible.
 */
export function placeNames(points: readonly NamedPoint[], area: Box, taken: readonly Box[]): Box[];
export function againstParameters(context: ChartContext): ReportChart | undefined;
export function againstTime(context: ChartContext): ReportChart | undefined;
export function againstMemory(context: ChartContext): ReportChart | undefined;
/** The columns that may stand on an axis: a table's metrics, then its costs. */
export function quantitiesOf(table: PageTable): Quantity[];
/** Any two columns against each other, where two were chosen that the table has. */
export function againstColumns(context: ChartContext): ReportChart | undefined;
export function learningCurves(context: ChartContext): ReportChart | undefined;
/** Quality by the number of training examples, where that was varied. */
export function lowData(context: ChartContext): ReportChart | undefined;
/** Validation of the trials of tuning by learning rate, where there were any. */
export function tuning(context: ChartContext): ReportChart | undefined;
export function seedSpread(context: ChartContext): ReportChart | undefined;
export function ablations(context: ChartContext): ReportChart | undefined;
/** Over the tasks of the table's base, where these are three or more. */
export function overTasks(context: ChartContext, tables: readonly PageTable[]): ReportChart | undefined;
/** A base's evaluations, which are no runs: benchmarks by models. */
export function evaluationChart(table: PageData['evaluations'][number], theme: Theme): ReportChart;
/** Every chart of a table by the end of its file's name. */
export function chartsOf(context: ChartContext, tables: readonly PageTable[]): Record<string, ReportChart>;
