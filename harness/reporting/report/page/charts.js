// Charts of a report as configurations of Chart.js, for the page and for pictures: no document here.

/** @import { Box, ChartContext, NamedPoint, Quantity, ReportChart, Theme } from './charts.d.ts' */
/** @typedef {{ readonly box: Box, readonly distance: number }} Candidate */
/** @import { PageCell, PageData, PageRow, PageTable, Point } from '../page-data.ts' */
/** @import { Chart, ChartConfiguration, ChartDataset } from 'chart.js' */

// Eight colours that stand apart on their background for everybody: any two differ by 30 in CIELAB, also as
// deuteranopia and protanopia show them (test/cases/ux-colour-and-shape.test.ts).
/** @type {Record<'light' | 'dark', Theme>} */
export const themes = {
  light: {
    text: '#1f2430',
    grid: '#d9dde5',
    background: '#ffffff',
    palette: ['#0088ee', '#dd5500', '#770044', '#442288', '#9977aa', '#553300', '#cc6666', '#6633ff'],
    titles: false,
  },
  dark: {
    text: '#e6e9ef',
    grid: '#39404d',
    background: '#171a21',
    palette: ['#88eeee', '#bb8800', '#cc3388', '#bbee00', '#aa99ff', '#777744', '#ffcc99', '#aa22ff'],
    titles: false,
  },
};

// One fewer than colours, so that no two of 56 rows share both.
const shapes = /** @type {const} */ (['circle', 'rect', 'triangle', 'rectRot', 'cross', 'star', 'crossRot']);
const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
/** More rows than this make a chart of points or lines unreadable. */
const mostRows = 20;
const mostLines = 12;
const font = { family: "system-ui, 'DejaVu Sans', sans-serif" };

/** @param {PageData} data @returns {string[]} */
export function labelsOf({ tables }) {
  const rows = tables.flatMap((table) => table.rows);
  // Whole methods first, so that they have the colours.
  const isVariant = (/** @type {PageRow} */ { variant }) => Number(variant.includes('~'));
  return [...new Set(rows.toSorted((a, b) => isVariant(a) - isVariant(b)).map(({ label }) => label))];
}

/** @param {string} label @param {Pick<ChartContext, 'labels' | 'theme'>} context */
export function styleOf(label, { labels, theme: { palette } }) {
  const at = Math.max(0, labels.indexOf(label));
  return {
    // With more labels than colours the same colour comes back with another marker and dash.
    color: palette[at % palette.length] ?? '#888888',
    pointStyle: shapes[at % shapes.length] ?? 'circle',
    borderDash: dashes[Math.floor(at / palette.length) % dashes.length] ?? [],
  };
}

/** @param {readonly { x: number, y: number }[]} points @param {boolean} higherIsBetter @returns {number[]} */
export function paretoFront(points, higherIsBetter) {
  const sign = higherIsBetter ? 1 : -1;
  const order = points.map((_, i) => i);
  const at = (/** @type {number} */ i) => points[i] ?? { x: 0, y: 0 };
  order.sort((i, j) => at(i).x - at(j).x || sign * (at(j).y - at(i).y));
  /** @type {{ x: number, y: number } | undefined} The last one of the front. */
  let last;
  return order.filter((i) => {
    const { x, y } = at(i);
    // Equal points are equally good.
    if (last && sign * y <= sign * last.y && !(x === last.x && y === last.y)) return false;
    last = { x, y };
    return true;
  });
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function againstParameters(context) {
  return scatter(context, {
    title: 'Quality against trained parameters',
    axis: 'trained parameters',
    logarithmic: true,
    // What trains nothing has no place on a logarithmic axis.
    of: ({ trained }) => (trained > 0 ? trained : null),
    format: compact,
    say: (x) => x.toLocaleString('en'),
    caption: 'The axis of parameters is logarithmic.',
  });
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function againstTime(context) {
  return scatter(context, {
    title: 'Quality against time',
    axis: 'milliseconds a training step',
    logarithmic: false,
    of: ({ stepTime }) => stepTime,
    format: plain,
    say: (x) => x.toFixed(1),
    caption: 'Time is the median of the steps after the first ten of each batch shape, and of the runs.',
  });
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function againstMemory(context) {
  return scatter(context, {
    title: 'Quality against memory',
    axis: 'peak memory, GB',
    logarithmic: false,
    of: ({ memory }) => memory,
    format: plain,
    say: (x) => x.toFixed(2),
    caption:
      "Memory is the median of the processes' largest resident sizes up to the end of a run, " +
      'so runs before it in the same process count.',
  });
}

/**
 * What a chart of quality against a cost is about.
 * @typedef {{ title: string, axis: string, logarithmic: boolean, caption: string,
 *   of: (row: PageRow) => number | null, format: (value: number) => string, say: (value: number) => string }} Cost
 */

/**
 * A row of the table in such a chart; x is the cost, null where it is not known.
 * @typedef {{ row: PageRow, x: number | null, y: number, sd: number | null, text: string }} DrawnRow
 */

/** @param {ChartContext} context @param {Cost} cost @returns {ReportChart | undefined} */
function scatter(context, cost) {
  const { title, axis, logarithmic, caption, of, say } = cost;
  const metric = metricOf(context);
  /** @type {DrawnRow[]} */
  const drawn = bestRows(context, mostRows).flatMap((row) => {
    const cell = row.cells[context.metric];
    return cell ? [{ row, x: of(row), y: cell.mean, sd: cell.sd, text: cell.text }] : [];
  });
  const points = drawn.flatMap((one) => (one.x === null ? [] : [{ ...one, x: one.x }]));
  if (points.length === 0) return undefined;
  // What trains nothing costs nothing: a line to be above of.
  const levels = drawn.filter(({ x, row }) => x === null && row.trained === 0);
  const unknown = drawn.filter(({ x, row }) => x === null && row.trained > 0).map(({ row }) => row.label);
  const front = paretoFront(points, metric.higherIsBetter).flatMap((i) => points[i] ?? []);
  const xs = points.map(({ x }) => x);
  const range = axisRange(Math.min(...xs), Math.max(...xs), logarithmic);
  const datasets = [
    ...points.map((point) => pointDataset(context, point)),
    ...levels.map((level) => levelDataset(context, level, range)),
    frontDataset(context, front, range),
  ];
  const left = leftOut(context, mostRows, unknown);
  const level = levels.length > 0 ? ' What trains nothing is a dotted line.' : '';
  const subtitle =
    'mean ± sample standard deviation over seeds; dashed: Pareto front' +
    (levels.length > 0 ? '; dotted: trains nothing' : '');
  return {
    title,
    caption:
      `${metric.name} (${betterWord(metric)}), mean ± sample standard deviation over seeds. ${caption} ` +
      `The dashed line is the Pareto front: what no cheaper method reaches.${level}${sentence(left)}`,
    columns: ['Method', axis, metric.name, 'Pareto front'],
    rows: drawn.map((one) => [
      one.row.label,
      one.x === null ? '–' : say(one.x),
      one.text,
      front.some(({ row }) => row === one.row) ? 'yes' : 'no',
    ]),
    height: 440,
    config: {
      type: 'scatter',
      data: { datasets },
      plugins: [errorBars('y'), pointNames(context.theme)],
      options: {
        ...common(context, `${title}: ${context.table.title}`, subtitle, left),
        scales: { x: costScale(context, cost, range), y: qualityScale(context, drawn) },
      },
    },
  };
}

/** @param {PageTable} table @returns {Quantity[]} */
export function quantitiesOf({ metrics, costs }) {
  return [
    ...metrics.map(({ name, higherIsBetter }, at) => ({
      name,
      title: name,
      higherIsBetter,
      of: (/** @type {PageRow} */ { cells }) => {
        const cell = cells[at];
        return cell ? { value: cell.mean, sd: cell.sd, text: cell.text } : null;
      },
    })),
    ...costs.map(({ name, header, higherIsBetter, decimals }) => ({
      name,
      title: header,
      higherIsBetter,
      of: (/** @type {PageRow} */ row) => {
        const value = row.costs[name];
        const text = value?.toLocaleString('en', { maximumFractionDigits: decimals }) ?? '';
        return value === undefined ? null : { value, sd: null, text };
      },
    })),
  ];
}

/** How many times the largest number is the least where an axis of columns is logarithmic. */
const wide = 30;

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function againstColumns(context) {
  const { table, shown, axes, theme } = context;
  const quantities = quantitiesOf(table);
  const across = quantities.find(({ name }) => name === axes?.across);
  const up = quantities.find(({ name }) => name === axes?.up);
  if (!across || !up) return undefined;
  const chosen = table.rows.filter(({ label }) => shown.has(label));
  const points = chosen.flatMap((row) => {
    const [x, y] = [across.of(row), up.of(row)];
    return x && y ? [{ row, x: x.value, y: y.value, sd: y.sd, text: y.text, said: x.text }] : [];
  });
  if (points.length === 0) return undefined;
  // Where more is better on both axes, the front runs the other way.
  const sign = across.higherIsBetter ? -1 : 1;
  const order = paretoFront(
    points.map(({ x, y }) => ({ x: sign * x, y })),
    up.higherIsBetter,
  );
  const front = order.flatMap((i) => points[i] ?? []);
  const xs = points.map(({ x }) => x);
  const logarithmic = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > wide;
  const range = axisRange(Math.min(...xs), Math.max(...xs), logarithmic);
  const end = across.higherIsBetter ? range.low : range.high;
  const without = chosen.filter((row) => points.every((one) => one.row !== row)).map(({ label }) => label);
  const left = without.length > 0 ? [`without ${few(without)}, which lack one of the two`] : [];
  const title = `${up.title} against ${across.title}`;
  const axis = axisName({ name: across.title, higherIsBetter: across.higherIsBetter });
  return {
    title,
    caption:
      `${up.title} (${betterWord(up)}) by ${across.title} (${betterWord(across)}). ` +
      `The dashed line is the Pareto front: no other method is better in both.${sentence(left)}`,
    columns: ['Method', across.title, up.title, 'Pareto front'],
    rows: points.map((one) => [one.row.label, one.said, one.text, front.includes(one) ? 'yes' : 'no']),
    height: 440,
    config: {
      type: 'scatter',
      data: {
        datasets: [
          ...points.map((point) => pointDataset(context, point)),
          frontDataset(context, front, { high: end }),
        ],
      },
      plugins: [errorBars('y'), pointNames(theme)],
      options: {
        ...common(context, `${title}: ${table.title}`, 'dashed: Pareto front', left),
        scales: {
          x: costScale(context, { axis, logarithmic, format: logarithmic ? compact : plain }, range),
          y: spanScale(theme, axisName({ name: up.title, higherIsBetter: up.higherIsBetter }), points),
        },
      },
    },
  };
}

/**
 * @param {ChartContext} context
 * @param {DrawnRow & { x: number }} point
 * @returns {ChartDataset<'scatter'>}
 */
function pointDataset(context, { row, x, y, sd }) {
  const { color, pointStyle } = styleOf(row.label, context);
  // The plugins read the name and the standard deviation.
  const data = [{ x, y, sd, name: row.label }];
  return { label: row.label, data, ...marker(pointStyle, color, 6), pointHoverRadius: 8 };
}

/**
 * A dotted line for what trains nothing.
 * @param {ChartContext} context
 * @param {DrawnRow} level
 * @param {{ low: number, high: number }} range
 * @returns {ChartDataset<'scatter'>}
 */
function levelDataset(context, { row, y }, { low, high }) {
  const { color, borderDash } = styleOf(row.label, context);
  return {
    label: row.label,
    // The first point has the line's name.
    data: /** @type {{ x: number, y: number }[]} */ ([
      { x: low, y, level: row.label },
      { x: high, y },
    ]),
    ...lineOnly(color),
    borderDash: borderDash.length > 0 ? borderDash : [2, 3],
    borderWidth: 1.6,
  };
}

/**
 * The Pareto front: from its cheapest point upwards, then on at its best quality.
 * @param {ChartContext} context
 * @param {readonly { x: number, y: number }[]} front
 * @param {{ high: number }} range
 * @returns {ChartDataset<'scatter'>}
 */
function frontDataset({ theme }, front, { high }) {
  return {
    label: 'Pareto front',
    data: [...front.map(({ x, y }) => ({ x, y })), { x: high, y: front.at(-1)?.y ?? 0 }],
    ...lineOnly(theme.text),
    stepped: true,
    borderDash: [5, 4],
    borderWidth: 1.2,
  };
}

/**
 * @param {ChartContext} context
 * @param {Pick<Cost, 'axis' | 'logarithmic' | 'format'>} cost
 * @param {{ low: number, high: number }} range
 */
function costScale({ theme }, { axis, logarithmic, format }, { low, high }) {
  return {
    ...scale(theme, axis),
    type: /** @type {'logarithmic' | 'linear'} */ (logarithmic ? 'logarithmic' : 'linear'),
    min: low,
    max: high,
    ...(logarithmic && {
      afterBuildTicks: (/** @type {{ ticks: { value: number }[] }} */ built) => {
        built.ticks = logTicks(low, high).map((value) => ({ value }));
      },
    }),
    ticks: {
      color: theme.text,
      font,
      maxRotation: 0,
      autoSkipPadding: 12,
      includeBounds: false,
      callback: (/** @type {string | number} */ value) => format(Number(value)),
    },
  };
}

/** An axis of the metric with room for the error bars. @param {ChartContext} context @param {DrawnRow[]} drawn */
function qualityScale(context, drawn) {
  return spanScale(context.theme, axisName(metricOf(context)), drawn);
}

/**
 * An axis with room for the error bars of what is drawn.
 * @param {Theme} theme
 * @param {string} name
 * @param {readonly { y: number, sd: number | null }[]} drawn
 */
function spanScale(theme, name, drawn) {
  const extent = drawn.flatMap(({ y, sd }) => [y - (sd ?? 0), y + (sd ?? 0)]);
  return {
    ...scale(theme, name),
    suggestedMin: Math.min(...extent),
    suggestedMax: Math.max(...extent),
    grace: '4%',
  };
}

/**
 * Where an axis of costs begins and ends: with room around its points, and so wide that costs which are about
 * the same, as noise makes them, stand close together.
 * @param {number} least
 * @param {number} most
 * @param {boolean} logarithmic
 */
export function axisRange(least, most, logarithmic) {
  const wide = logarithmic ? 4 : 1.5;
  const middle = logarithmic ? Math.sqrt(least * most) : (least + most) / 2;
  const room = logarithmic ? 1.35 : 1.06;
  return {
    low: Math.min(least / room, middle / Math.sqrt(wide)),
    high: Math.max(most * room, middle * Math.sqrt(wide)),
  };
}

/**
 * Numbers for a logarithmic axis: the coarsest of whole powers of ten, 1-2-5 and every digit that gives three
 * at least.
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function logTicks(low, high) {
  const digits = [[1], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]];
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  for (const some of digits) {
    const ticks = [];
    for (let power = first; power <= last; power++) {
      // Divided where the power is negative, so that 0.2 is 0.2.
      for (const digit of some) ticks.push(power < 0 ? digit / 10 ** -power : digit * 10 ** power);
    }
    const inside = ticks.filter((value) => value >= low && value <= high);
    if (inside.length >= 3) return inside;
  }
  return [low, Math.sqrt(low * high), high].map((value) => Number(value.toPrecision(2)));
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function learningCurves(context) {
  const { table, theme } = context;
  const best = bestRows(context, mostLines);
  const curves = best.flatMap((row) => {
    const runs = row.runs.filter(({ status }) => status === 'finished');
    const training = meanCurve(runs.map(({ losses }) => losses));
    const validation = meanCurve(runs.map(({ evaluations }) => evaluations));
    return training.length + validation.length > 0 ? [{ row, training, validation }] : [];
  });
  if (curves.length === 0) return undefined;
  const datasets = curves.flatMap((curve) => curveDatasets(context, curve));
  const without = best.filter((row) => !curves.some((curve) => curve.row === row)).map(({ label }) => label);
  const left = leftOut(context, mostLines, without);
  const last = (/** @type {readonly Point[]} */ curve) => {
    const point = curve.at(-1);
    return point ? `${point[1].toPrecision(4)} (step ${point[0]})` : '–';
  };
  return {
    title: 'Learning curves',
    caption:
      'Loss by step: lines on the training set (means of steps that follow each other), markers on the ' +
      'validation set; means over the finished seeds where their steps are the same, else the first seed.' +
      sentence(left),
    columns: ['Method', 'last training loss', 'last validation loss'],
    rows: curves.map(({ row, training, validation }) => [row.label, last(training), last(validation)]),
    height: 420,
    config: {
      type: 'line',
      data: { datasets },
      options: {
        ...common(
          context,
          `Learning curves: ${table.title}`,
          'lines: training loss; markers: validation loss',
          left,
        ),
        scales: {
          x: { ...scale(theme, 'step'), type: 'linear' },
          y: { ...scale(theme, 'loss'), grace: '3%' },
        },
      },
    },
  };
}

/**
 * A line of training losses and markers of validation losses.
 * @param {ChartContext} context
 * @param {{ row: PageRow, training: readonly Point[], validation: readonly Point[] }} curve
 * @returns {ChartDataset<'line', { x: number, y: number }[]>[]}
 */
function curveDatasets(context, { row, training, validation }) {
  const { color, pointStyle, borderDash } = styleOf(row.label, context);
  const shared = { borderColor: color, backgroundColor: color };
  const toPoints = (/** @type {readonly Point[]} */ curve) => curve.map(([x, y]) => ({ x, y }));
  return [
    {
      ...shared,
      label: row.label,
      data: toPoints(training),
      pointStyle,
      borderDash,
      borderWidth: 1.6,
      pointRadius: 0,
    },
    {
      ...shared,
      label: `${row.label}, validation`,
      data: toPoints(validation),
      showLine: false,
      ...marker(pointStyle, color, 4),
    },
  ];
}

/** @param {readonly (readonly Point[])[]} curves @returns {readonly Point[]} */
function meanCurve(curves) {
  const own = curves.filter(({ length }) => length > 0);
  const first = own[0] ?? [];
  const same = own.every(
    (curve) => curve.length === first.length && curve.every(([x], i) => x === first[i]?.[0]),
  );
  if (!same) return first;
  return first.map(([x], i) => [x, own.reduce((sum, curve) => sum + (curve[i]?.[1] ?? 0), 0) / own.length]);
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function lowData(context) {
  const { table, theme, shown } = context;
  const metric = metricOf(context);
  const points = (table.lowData ?? []).flatMap(({ method, row: at, examples }) => {
    const row = table.rows[at];
    const cell = row?.cells[context.metric];
    return row && cell && shown.has(row.label) ? [{ method, label: row.label, x: examples, cell }] : [];
  });
  const names = [...new Set(points.map(({ method }) => method))];
  const lines = names.slice(0, mostLines).map((method) => ({
    method,
    points: points.filter((point) => point.method === method).sort((a, b) => a.x - b.x),
  }));
  if (lines.length === 0) return undefined;
  const left = names.length > mostLines ? [`the first ${mostLines} of ${names.length} methods`] : [];
  const counts = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const { low, high } = axisRange(Math.min(...counts), Math.max(...counts), true);
  return {
    title: 'Quality against training examples',
    caption:
      `${metric.name} (${betterWord(metric)}), mean ± sample standard deviation over seeds, by the number of ` +
      `training examples on a logarithmic axis. A seed's fewer examples are among its more.${sentence(left)}`,
    columns: ['Method', ...counts.map((count) => count.toLocaleString('en'))],
    rows: lines.map(({ method, points: own }) => [
      method,
      ...counts.map((count) => own.find(({ x }) => x === count)?.cell.text ?? '–'),
    ]),
    height: 420,
    config: {
      type: 'scatter',
      data: { datasets: lines.map((line) => lowDataLine(context, line)) },
      plugins: [errorBars('y')],
      options: {
        ...common(context, `Training examples: ${table.title}`, 'mean ± sample standard deviation', left),
        scales: {
          x: {
            ...scale(theme, 'training examples'),
            type: 'logarithmic',
            min: low,
            max: high,
            afterBuildTicks: (built) => {
              built.ticks = counts.map((value) => ({ value }));
            },
            ticks: { color: theme.text, font, maxRotation: 0, callback: (value) => compact(Number(value)) },
          },
          y: { ...scale(theme, axisName(metric)), grace: '4%' },
        },
      },
    },
  };
}

/**
 * A method's line; its colour is that of its row with the most examples.
 * @param {ChartContext} context
 * @param {{ method: string, points: { label: string, x: number, cell: PageCell }[] }} line
 * @returns {ChartDataset<'scatter'>}
 */
function lowDataLine(context, { method, points }) {
  const { color, pointStyle, borderDash } = styleOf(points.at(-1)?.label ?? method, context);
  const data = points.map(({ x, cell }) => ({ x, y: cell.mean, sd: cell.sd, name: method }));
  return {
    label: method,
    data,
    ...marker(pointStyle, color, 5),
    showLine: true,
    borderDash,
    borderWidth: 1.6,
  };
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function tuning(context) {
  const { table, theme, shown } = context;
  const { trials } = table;
  const points = trials?.points.filter(({ label }) => shown.has(label)) ?? [];
  if (!trials || points.length === 0) return undefined;
  const names = [...new Set(points.map(({ label }) => label))];
  const methods = names.slice(0, mostLines).map((label) => bestByRate(label, points, trials.higherIsBetter));
  const left = names.length > mostLines ? [`the first ${mostLines} of ${names.length} methods`] : [];
  const rates = points.map(({ learningRate }) => learningRate);
  const { low, high } = axisRange(Math.min(...rates), Math.max(...rates), true);
  return {
    title: 'Tuning',
    caption:
      `${trials.metric} of validation (${betterWord(trials)}) of every trial by its learning rate, on a ` +
      `logarithmic axis; lines join the best trials of each rate. Of halving, each trial counts ` +
      `as far as it was trained.${sentence(left)}`,
    columns: ['Method', 'trials', 'best learning rate', trials.metric],
    rows: methods.map(({ label, all, best }) => [
      label,
      String(all.length),
      String(best.x),
      best.y.toPrecision(4),
    ]),
    height: 420,
    config: {
      type: 'scatter',
      data: { datasets: methods.flatMap(({ label, all, line }) => trialDatasets(context, label, all, line)) },
      options: {
        ...common(context, `Tuning: ${table.title}`, 'a marker for each trial, on validation', left),
        scales: {
          x: {
            ...scale(theme, 'learning rate'),
            type: 'logarithmic',
            min: low,
            max: high,
            afterBuildTicks: (built) => {
              built.ticks = logTicks(low, high).map((value) => ({ value }));
            },
            ticks: { color: theme.text, font, maxRotation: 0, callback: (value) => String(Number(value)) },
          },
          y: { ...scale(theme, `${axisName({ ...trials, name: trials.metric })}, validation`), grace: '4%' },
        },
      },
    },
  };
}

/**
 * A method's trials: all, the best of each learning rate in order, and the best of all.
 * @param {string} label
 * @param {readonly { label: string, learningRate: number, value: number }[]} points
 * @param {boolean} higherIsBetter
 */
function bestByRate(label, points, higherIsBetter) {
  const all = points.flatMap((one) => (one.label === label ? [{ x: one.learningRate, y: one.value }] : []));
  const isBetter = (/** @type {number} */ a, /** @type {number} */ b) => (higherIsBetter ? a > b : a < b);
  /** @type {Map<number, { x: number, y: number }>} */
  const rates = new Map();
  for (const point of all) {
    const known = rates.get(point.x);
    if (!known || isBetter(point.y, known.y)) rates.set(point.x, point);
  }
  const line = [...rates.values()].sort((a, b) => a.x - b.x);
  const best = line.reduce((one, other) => (isBetter(other.y, one.y) ? other : one));
  return { label, all, line, best };
}

/**
 * @param {ChartContext} context
 * @param {string} label
 * @param {{ x: number, y: number }[]} all
 * @param {{ x: number, y: number }[]} line
 * @returns {ChartDataset<'scatter'>[]}
 */
function trialDatasets(context, label, all, line) {
  const { color, pointStyle, borderDash } = styleOf(label, context);
  return [
    { label, data: all, ...marker(pointStyle, color, 5) },
    { label: `${label}, validation`, data: line, ...lineOnly(color), borderDash, borderWidth: 1.4 },
  ];
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function seedSpread(context) {
  const { table, theme } = context;
  const metric = metricOf(context);
  const rows = bestRows(context, 2 * mostRows).map((row) => ({
    row,
    seeds: row.runs.flatMap(({ seed, values }) => {
      const value = values[context.metric];
      return value === null || value === undefined ? [] : [{ seed, value }];
    }),
    cell: row.cells[context.metric],
  }));
  if (rows.length === 0) return undefined;
  /** @type {ChartDataset<'scatter'>[]} */
  const datasets = rows.map(({ row, seeds }, at) => {
    const { color, pointStyle } = styleOf(row.label, context);
    return {
      label: row.label,
      data: seeds.map(({ value, seed }) => ({ x: value, y: at, seed })),
      ...marker(pointStyle, color, 5),
      backgroundColor: `${color}99`,
    };
  });
  const left = leftOut(context, 2 * mostRows);
  const means = rows.flatMap(({ cell }, y) => (cell ? [{ x: cell.mean, y }] : []));
  return {
    title: 'Spread over seeds',
    caption: `${metric.name} (${betterWord(metric)}): a marker for each seed, a bar for the mean.${sentence(left)}`,
    columns: ['Method', 'mean ± sd', 'seeds'],
    rows: rows.map(({ row, seeds, cell }) => [
      row.label,
      cell?.text ?? '–',
      seeds.map(({ seed, value }) => `${seed}: ${value.toFixed(metric.decimals)}`).join(', '),
    ]),
    height: 90 + 30 * rows.length,
    config: {
      type: 'scatter',
      data: { datasets: [...datasets, meanDataset(theme, means)] },
      options: {
        ...common(
          context,
          `Spread over seeds: ${table.title}`,
          'a marker for each seed, a bar for the mean',
          left,
          false,
        ),
        scales: {
          x: { ...scale(theme, axisName(metric)), grace: '4%' },
          y: rowScale(
            theme,
            rows.map(({ row }) => row.label),
          ),
        },
      },
    },
  };
}

/**
 * A bar for each mean.
 * @param {Theme} theme
 * @param {{ x: number, y: number }[]} means
 * @returns {ChartDataset<'scatter'>}
 */
function meanDataset({ text }, means) {
  return {
    label: 'mean',
    data: means,
    pointStyle: 'line',
    pointRotation: 90,
    pointRadius: 11,
    pointBorderWidth: 2.5,
    borderColor: text,
    backgroundColor: text,
  };
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function ablations(context) {
  const { table, theme } = context;
  const metric = metricOf(context);
  const bars = differencesToWhole(context);
  if (bars.length === 0) return undefined;
  const colors = bars.map(({ row }) => styleOf(row.label, context).color);
  return {
    title: 'Ablations',
    caption:
      `${metric.name} of a variant minus that of the whole method, mean ± sample standard deviation over the ` +
      `seeds of both; ${metric.higherIsBetter ? 'left of' : 'right of'} zero the variant is worse.`,
    columns: ['Variant', 'whole method', 'difference', 'seeds'],
    rows: bars.map(({ row, parent, mean, sd, n }) => [
      row.label,
      parent.label,
      sd === null
        ? signed(mean, metric.decimals)
        : `${signed(mean, metric.decimals)} ± ${sd.toFixed(metric.decimals)}`,
      String(n),
    ]),
    height: 100 + 38 * bars.length,
    config: {
      type: 'bar',
      data: {
        labels: bars.map(({ row }) => row.label),
        datasets: [
          {
            label: `difference in ${metric.name}`,
            // Chart.js reads x; the plugin of the error bars reads sd.
            data: /** @type {never[]} */ (bars.map(({ row, mean, sd }) => ({ x: mean, y: row.label, sd }))),
            backgroundColor: colors,
            maxBarThickness: 20,
          },
        ],
      },
      plugins: [errorBars('x')],
      options: {
        ...common(
          context,
          `Ablations: ${table.title}`,
          'variant minus whole method, mean ± sample standard deviation over seeds',
          [],
          false,
        ),
        indexAxis: 'y',
        scales: {
          // With room for the error bars.
          x: {
            ...scale(theme, `difference in ${metric.name}`),
            suggestedMin: Math.min(0, ...bars.map(({ mean, sd }) => mean - (sd ?? 0))),
            suggestedMax: Math.max(0, ...bars.map(({ mean, sd }) => mean + (sd ?? 0))),
            grace: '3%',
          },
          y: { ...scale(theme, ''), grid: { display: false } },
        },
      },
    },
  };
}

/**
 * What variants of methods score more than the whole methods, over the seeds of both.
 * @param {ChartContext} context
 */
function differencesToWhole(context) {
  const { table, shown } = context;
  return table.rows.flatMap((row) => {
    const whole = row.variant.replace(/~[^+]*/g, '');
    const parent = table.rows.find(({ variant }) => variant === whole);
    if (!parent || parent === row || whole === row.variant || !shown.has(row.label)) return [];
    // Seed by seed, so that what a seed does to both does not count.
    const differences = row.runs.flatMap(({ seed, values }) => {
      const own = values[context.metric] ?? null;
      const other = parent.runs.find((run) => run.seed === seed)?.values[context.metric] ?? null;
      return own === null || other === null ? [] : [own - other];
    });
    if (differences.length === 0) return [];
    const n = differences.length;
    const mean = differences.reduce((sum, value) => sum + value, 0) / n;
    const sd =
      n > 1 ? Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1)) : null;
    return [{ row, parent, mean, sd, n }];
  });
}

/** @param {ChartContext} context @param {readonly PageTable[]} tables @returns {ReportChart | undefined} */
export function overTasks(context, tables) {
  const { table, shown, theme } = context;
  const tasks = tables.filter(({ model, metrics }) => model === table.model && metrics.length > 0);
  if (tasks.length < 3) return undefined;
  const methods = sharesOfBest(tasks, shown);
  if (methods.length === 0) return undefined;
  const drawn = methods.slice(0, mostRows);
  const left = methods.length > mostRows ? [`the best ${mostRows} of ${methods.length} methods`] : [];
  const names = tasks.map(({ task, metrics }) => `${task}, ${metrics[0]?.name ?? ''}`);
  return {
    title: 'Tasks',
    caption:
      `Methods on ${table.model} over its tasks: each task's first metric as a share of the best method's; ` +
      `methods in the order of their mean share.${sentence(left)}`,
    columns: ['Method', ...names, 'mean share, %'],
    rows: drawn.map(({ label, values, mean }) => [
      label,
      ...values.map((value, i) => (value === null ? '–' : value.toFixed(tasks[i]?.metrics[0]?.decimals))),
      mean.toFixed(1),
    ]),
    height: 150 + 40 * tasks.length + 8 * drawn.length,
    config: {
      type: 'scatter',
      data: {
        datasets: drawn.map(({ label, shares }) => {
          const { color, pointStyle } = styleOf(label, context);
          return {
            label,
            data: shares.flatMap((x, y) => (x === null || !Number.isFinite(x) ? [] : [{ x, y }])),
            ...marker(pointStyle, color, 6),
            // Points lie on each other where methods are about as good.
            backgroundColor: `${color}66`,
          };
        }),
      },
      options: {
        ...common(context, `Tasks: ${table.model}`, 'share of the best method of each task', left),
        scales: {
          // A little more than all, so that the best points are whole.
          x: {
            ...scale(theme, 'share of the best method, %'),
            max: 101,
            ticks: { color: theme.text, font, includeBounds: false },
          },
          y: rowScale(theme, names),
        },
      },
    },
  };
}

/**
 * The methods' values on each task as percentages of the best method's, the best mean first.
 * @param {readonly PageTable[]} tasks
 * @param {ChartContext['shown']} shown
 */
function sharesOfBest(tasks, shown) {
  /** @param {PageTable} task @param {string} label */
  const valueOf = (task, label) => task.rows.find((row) => row.label === label)?.cells[0]?.mean ?? null;
  const best = tasks.map(({ rows, metrics }) => {
    const means = rows.flatMap(({ cells }) => cells[0]?.mean ?? []);
    return metrics[0]?.higherIsBetter ? Math.max(...means) : Math.min(...means);
  });
  const labels = [...new Set(tasks.flatMap(({ rows }) => rows.map(({ label }) => label)))];
  return labels
    .filter((label) => shown.has(label))
    .map((label) => {
      const values = tasks.map((task) => valueOf(task, label));
      const shares = values.map((value, i) => {
        if (value === null) return null;
        const [top, higher] = [best[i] ?? 1, tasks[i]?.metrics[0]?.higherIsBetter];
        return (100 * (higher ? value : top)) / (higher ? top : value);
      });
      const known = shares.filter((share) => share !== null && Number.isFinite(share));
      const mean = known.reduce((/** @type {number} */ sum, share) => sum + (share ?? 0), 0) / known.length;
      return { label, values, shares, mean };
    })
    .filter(({ mean }) => Number.isFinite(mean))
    .sort((a, b) => b.mean - a.mean);
}

/**
 * The evaluations of a base: a row for each benchmark, a point for each model.
 * @param {PageData['evaluations'][number]} table @param {Theme} theme @returns {ReportChart}
 */
export function evaluationChart({ title, columns, rows }, theme) {
  const labels = rows.map(({ label }) => label);
  const context = { labels, theme };
  const drawn = rows.slice(0, mostRows);
  const left = rows.length > mostRows ? [`the first ${mostRows} of ${rows.length} models`] : [];
  const isRanked = rows.some(({ rank }) => rank !== null);
  return {
    title,
    caption: `First measure of each benchmark, and means of groups, in percent.${sentence(left)}`,
    columns: ['Model', ...columns, ...(isRanked ? ['Mean rank'] : [])],
    rows: rows.map(({ label, cells, rank }) => [
      label,
      ...cells.map((cell) =>
        cell === null
          ? '–'
          : `${cell.mean.toFixed(2)}${cell.spread === null ? '' : ` ± ${cell.spread.toFixed(2)}`}`,
      ),
      ...(isRanked ? [rank?.toFixed(2) ?? '–'] : []),
    ]),
    height: 150 + 40 * columns.length + 8 * drawn.length,
    config: {
      type: 'scatter',
      data: {
        datasets: drawn.map(({ label, cells }) => {
          const { color, pointStyle } = styleOf(label, context);
          return {
            label,
            data: cells.flatMap((cell, y) => (cell === null ? [] : [{ x: cell.mean, y }])),
            ...marker(pointStyle, color, 6),
            backgroundColor: `${color}66`,
          };
        }),
      },
      options: {
        ...common(context, title, 'percent', left),
        scales: { x: { ...scale(theme, 'percent') }, y: rowScale(theme, columns) },
      },
    },
  };
}

/**
 * @param {ChartContext} context
 * @param {readonly PageTable[]} tables
 * @returns {Record<string, ReportChart>}
 */
export function chartsOf(context, tables) {
  const charts = {
    parameters: againstParameters(context),
    time: againstTime(context),
    memory: againstMemory(context),
    columns: againstColumns(context),
    curves: learningCurves(context),
    seeds: seedSpread(context),
    examples: lowData(context),
    tuning: tuning(context),
    ablations: ablations(context),
    tasks: overTasks(context, tables),
  };
  return Object.fromEntries(
    Object.entries(charts).flatMap(([name, chart]) => (chart ? [/** @type {const} */ ([name, chart])] : [])),
  );
}

/** @param {ChartContext} context */
function metricOf({ table, metric }) {
  return table.metrics[metric] ?? { name: '', higherIsBetter: true, decimals: 2 };
}

/**
 * Rows to show that have the metric, the best first.
 * @param {ChartContext} context
 * @param {number} most
 * @returns {PageRow[]}
 */
function bestRows(context, most) {
  return rankedRows(context).slice(0, most);
}

/** @param {ChartContext} context @returns {PageRow[]} */
function rankedRows(context) {
  const { table, metric, shown } = context;
  const sign = metricOf(context).higherIsBetter ? 1 : -1;
  const value = (/** @type {PageRow} */ { cells }) => cells[metric]?.mean ?? NaN;
  return table.rows
    .filter((row) => shown.has(row.label) && Number.isFinite(value(row)))
    .sort((a, b) => sign * (value(b) - value(a)));
}

/**
 * What a chart does not show of the rows that are chosen, in a few words each: nothing is left out in
 * silence.
 * @param {ChartContext} context
 * @param {number} most
 * @param {readonly string[]} unknown Labels of rows whose place in this chart is not known.
 * @returns {string[]}
 */
function leftOut(context, most, unknown = []) {
  const { table, metric, shown } = context;
  const ranked = rankedRows(context).length;
  const without = table.rows
    .filter(({ label, cells }) => shown.has(label) && !Number.isFinite(cells[metric]?.mean ?? NaN))
    .map(({ label }) => label);
  return [
    ...(ranked > most ? [`the best ${most} of ${ranked} rows`] : []),
    ...(without.length > 0 ? [`without ${few(without)}, no seed of which finished`] : []),
    ...(unknown.length > 0 ? [`without ${few(unknown)}, too short to measure`] : []),
  ];
}

/** `A, B, C and 4 more`. @param {readonly string[]} names */
function few(names) {
  const most = 3;
  const all = names.map(elide);
  if (all.length <= most + 1) return all.join(', ');
  return `${all.slice(0, most).join(', ')} and ${all.length - most} more`;
}

/** @param {readonly string[]} left */
function sentence(left) {
  return left.length > 0 ? ` Shown: ${left.join('; ')}.` : '';
}

/**
 * A point's marker; those that are lines alone need a wider one.
 * @param {ReturnType<typeof styleOf>['pointStyle']} pointStyle
 * @param {string} color
 * @param {number} radius
 */
function marker(pointStyle, color, radius) {
  const isLines = pointStyle === 'cross' || pointStyle === 'crossRot' || pointStyle === 'star';
  return {
    pointStyle,
    pointRadius: isLines ? radius + 1 : radius,
    pointBorderWidth: isLines ? 2.2 : 1,
    backgroundColor: color,
    borderColor: color,
  };
}

/** @param {string} color */
function lineOnly(color) {
  return {
    showLine: true,
    pointRadius: 0,
    pointHoverRadius: 0,
    pointStyle: /** @type {const} */ ('line'),
    borderColor: color,
    backgroundColor: color,
  };
}

/** @param {{ name: string, higherIsBetter: boolean }} metric */
function axisName({ name, higherIsBetter }) {
  return `${name} ${higherIsBetter ? '↑' : '↓'}`;
}

/** @param {{ higherIsBetter: boolean }} metric */
function betterWord({ higherIsBetter }) {
  return higherIsBetter ? 'higher is better' : 'lower is better';
}

/** @param {Theme} theme @param {string} title */
function scale(theme, title) {
  return {
    title: { display: title !== '', text: title, color: theme.text, font },
    ticks: { color: theme.text, font },
    grid: { color: theme.grid },
    border: { color: theme.grid },
  };
}

/**
 * An axis with a label for each row, the first on top.
 * @param {Theme} theme
 * @param {readonly string[]} labels
 */
function rowScale(theme, labels) {
  return {
    type: /** @type {const} */ ('linear'),
    min: -0.6,
    max: labels.length - 0.4,
    reverse: true,
    border: { display: false },
    grid: { color: theme.grid },
    afterBuildTicks: (/** @type {{ ticks: { value: number }[] }} */ axis) => {
      axis.ticks = labels.map((_, value) => ({ value }));
    },
    ticks: {
      color: theme.text,
      font,
      autoSkip: false,
      callback: (/** @type {string | number} */ value) => elide(labels[Number(value)] ?? ''),
    },
  };
}

/**
 * @param {Pick<ChartContext, 'theme'>} context
 * @param {string} title
 * @param {string} subtitle What a picture says of itself; the page has captions.
 * @param {readonly string[]} left What it does not show.
 */
function common({ theme }, title, subtitle, left, legend = true) {
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: /** @type {const} */ (false),
    color: theme.text,
    layout: { padding: 8 },
    plugins: {
      title: {
        display: theme.titles,
        text: title,
        color: theme.text,
        font: { ...font, size: 15 },
        padding: { top: 0, bottom: 2 },
      },
      subtitle: {
        display: theme.titles,
        text: left.length > 0 ? [subtitle, `shown: ${left.join('; ')}`] : subtitle,
        color: theme.text,
        font,
        padding: { bottom: 10 },
      },
      legend: {
        display: legend,
        position: /** @type {const} */ ('bottom'),
        labels: {
          color: theme.text,
          font,
          usePointStyle: true,
          boxHeight: 7,
          padding: 12,
          filter: (/** @type {{ text: string }} */ { text }) => !text.endsWith(', validation'),
        },
      },
      tooltip: { callbacks: { label: tooltipText } },
    },
  };
}

/** @param {{ dataset: { label?: string | undefined }, parsed: unknown, raw: unknown }} item */
function tooltipText({ dataset, parsed, raw }) {
  const { x, y, r } = /** @type {{ x?: number, y?: number, r?: number }} */ (parsed);
  const { seed } = /** @type {{ seed?: number }} */ (raw ?? {});
  const numbers = seed === undefined ? [x, y, r] : [x];
  const text = numbers.flatMap((value) => (typeof value === 'number' ? plain(value) : [])).join(', ');
  return `${dataset.label ?? ''}${seed === undefined ? '' : `, seed ${seed}`}: ${text}`;
}

/**
 * Draws mean ± sd of points that have an sd.
 * @param {'x' | 'y'} axis
 */
function errorBars(axis) {
  return {
    id: 'errorBars',
    /** @param {Chart} chart */
    afterDatasetsDraw(chart) {
      const { ctx, data, scales } = chart;
      const along = scales[axis];
      if (!along) return;
      ctx.save();
      ctx.lineWidth = 1.3;
      data.datasets.forEach((dataset, d) => {
        dataset.data.forEach((point, i) => {
          const { x, y, sd } = /** @type {{ x?: number, y?: number, sd?: number | null }} */ (point ?? {});
          const mean = axis === 'x' ? x : y;
          const element = chart.getDatasetMeta(d).data[i];
          if (!element || typeof sd !== 'number' || mean === undefined || !chart.isDatasetVisible(d)) return;
          const [from, to] = [along.getPixelForValue(mean - sd), along.getPixelForValue(mean + sd)];
          const cap = 4;
          ctx.strokeStyle = /** @type {string} */ (axis === 'x' ? chart.options.color : dataset.borderColor);
          ctx.beginPath();
          for (const end of [from, to]) {
            if (axis === 'y') line(ctx, [element.x - cap, end], [element.x + cap, end]);
            else line(ctx, [end, element.y - cap], [end, element.y + cap]);
          }
          if (axis === 'y') line(ctx, [element.x, from], [element.x, to]);
          else line(ctx, [from, element.y], [to, element.y]);
          ctx.stroke();
        });
      });
      ctx.restore();
    },
  };
}

/** @param {CanvasRenderingContext2D} ctx @param {[number, number]} from @param {[number, number]} to */
function line(ctx, from, to) {
  ctx.moveTo(...from);
  ctx.lineTo(...to);
}

/** Writes names beside their points, and above the lines of what trains nothing. @param {Theme} theme */
function pointNames({ text: color, background }) {
  return {
    id: 'pointNames',
    /** @param {Chart} chart */
    afterDatasetsDraw(chart) {
      const { ctx, data, scales, chartArea } = chart;
      const { y: vertical } = scales;
      /** @type {NamedPoint[]} */
      const points = [];
      /** @type {Box[]} */
      const taken = [];
      const size = 11;
      ctx.save();
      ctx.font = `${size}px ${font.family}`;
      ctx.fillStyle = color;
      ctx.lineJoin = 'round';
      const write = (/** @type {string} */ text, /** @type {Box} */ { left, top, height }) => {
        // With a rim, so that a line behind it does not strike it through.
        ctx.strokeStyle = background;
        ctx.lineWidth = 3;
        ctx.strokeText(text, left, top + height / 2);
        ctx.fillText(text, left, top + height / 2);
      };
      ctx.textBaseline = 'middle';
      ctx.textAlign = 'left';
      data.datasets.forEach((dataset, d) => {
        const point = /** @type {{ y: number, sd?: number | null, name?: string, level?: string }} */ (
          dataset.data[0] ?? {}
        );
        const mark = chart.getDatasetMeta(d).data[0];
        if (!mark || !chart.isDatasetVisible(d)) return;
        const text = elide(point.name ?? point.level ?? '');
        const { width } = ctx.measureText(text);
        if (point.level !== undefined) {
          const box = { left: chartArea.right - width - 4, top: mark.y - size - 4, width, height: size + 3 };
          write(text, box);
          taken.push(box);
        } else if (point.name !== undefined) {
          const bar = Math.abs((vertical?.getPixelForValue(point.y + (point.sd ?? 0)) ?? mark.y) - mark.y);
          points.push({ text, x: mark.x, y: mark.y, width, height: size + 3, bar });
        }
      });
      const { left, top, right, bottom } = chartArea;
      const area = { left, top, width: right - left, height: bottom - top };
      for (const [i, box] of placeNames(points, area, taken).entries()) {
        const point = points[i];
        if (!point) continue;
        write(point.text, box);
        // A name that stands off its point is led there.
        const end = [nearest(point.x, box.left, box.width), nearest(point.y, box.top, box.height)];
        const [dx, dy] = [(end[0] ?? 0) - point.x, (end[1] ?? 0) - point.y];
        const away = Math.hypot(dx, dy);
        if (away < 16) continue;
        ctx.strokeStyle = color;
        ctx.lineWidth = 0.7;
        ctx.beginPath();
        line(ctx, [point.x + (8 * dx) / away, point.y + (8 * dy) / away], [point.x + dx, point.y + dy]);
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}

/**
 * The place within a stretch that is nearest to another one.
 * @param {number} to
 * @param {number} from
 * @param {number} length
 */
function nearest(to, from, length) {
  return Math.max(from, Math.min(to, from + length));
}

/**
 * Boxes for names beside their points: each where it covers the least of points, error bars and other names,
 * and then the nearest.
 * @param {readonly NamedPoint[]} points
 * @param {Box} area
 * @param {readonly Box[]} taken What no name may cover.
 * @returns {Box[]}
 */
export function placeNames(points, area, taken) {
  const markers = points.map(({ x, y }) => ({ left: x - 7, top: y - 7, width: 14, height: 14 }));
  const bars = points.map(({ x, y, bar }) => ({ left: x - 4, top: y - bar, width: 8, height: 2 * bar }));
  /** @type {Box[]} */
  const boxes = [];
  // Twice, because the first names did not know of the last ones.
  for (let round = 0; round < 2; round++) {
    points.forEach((point, i) => {
      const others = boxes.filter((_, other) => other !== i);
      const cost = (/** @type {Candidate} */ { box, distance }) => {
        const outside = box.width * box.height - overlap(box, area);
        const hard = [...markers, ...taken, ...others].reduce((sum, other) => sum + overlap(box, other), 0);
        const soft = bars.reduce((sum, other) => sum + overlap(box, other), 0);
        return 100 * outside + 20 * hard + 2 * soft + distance;
      };
      const all = candidates(point).map((candidate) => ({ box: candidate.box, cost: cost(candidate) }));
      boxes[i] = all.reduce((best, one) => (one.cost < best.cost ? one : best)).box;
    });
  }
  return boxes;
}

/**
 * Places around a point, the nearest first; the right side is the best one.
 * @param {NamedPoint} point
 * @returns {Candidate[]}
 */
function candidates({ x, y, width, height }) {
  return [9, 15, 24, 36, 52, 72].flatMap((distance) =>
    Array.from({ length: 16 }, (_, at) => {
      const angle = (at * Math.PI) / 8;
      const [across, down] = [Math.cos(angle), Math.sin(angle)];
      const left = x + distance * across + (width / 2) * (across - 1);
      const top = y + distance * down + (height / 2) * (down - 1);
      return { box: { left, top, width, height }, distance: distance + (1 - across) * 2 };
    }),
  );
}

/** The area that two boxes share. @param {Box} a @param {Box} b */
function overlap(a, b) {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return Math.max(0, across) * Math.max(0, down);
}

/** `49k`, `1.2M`. @param {number} value */
function compact(value) {
  for (const [size, unit] of /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])) {
    if (value >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
  }
  return String(Number(value.toPrecision(3)));
}

/** @param {number} value */
function plain(value) {
  return Number(value.toPrecision(6)).toLocaleString('en', { maximumFractionDigits: 4 });
}

/** @param {number} value @param {number} decimals */
function signed(value, decimals) {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(decimals)}`;
}

/** @param {string} label */
function elide(label) {
  return label.length > 28 ? `${label.slice(0, 27)}…` : label;
}
