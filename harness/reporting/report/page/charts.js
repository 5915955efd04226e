// Charts of a report as configurations of Chart.js, for the page and for pictures: no document here.

/** @import { ChartContext, ReportChart, Theme } from './charts.d.ts' */
/** @import { PageData, PageRow, PageTable, Point } from '../page-data.ts' */
/** @import { Chart, ChartConfiguration, ChartDataset } from 'chart.js' */

// Ten hues that stand apart on their background, in the same order.
/** @type {Record<'light' | 'dark', Theme>} */
export const themes = {
  light: {
    text: '#1f2430',
    grid: '#d9dde5',
    background: '#ffffff',
    palette: ['#1d5fd1', '#c2410c', '#15803d', '#b5176b', '#6d28d9', '#0e7490', '#8a6100', '#c01f1f', '#525a66', '#7a4a1e'], // prettier-ignore
    titles: false,
  },
  dark: {
    text: '#e6e9ef',
    grid: '#39404d',
    background: '#171a21',
    palette: ['#7db0ff', '#ff9a5c', '#5fd38a', '#ff85b8', '#b79bff', '#4fd1e8', '#f2c94c', '#ff7b7b', '#b4bcc8', '#d6a77a'], // prettier-ignore
    titles: false,
  },
};

const shapes = /** @type {const} */ (['circle', 'rect', 'triangle', 'rectRot']);
const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
/** More rows than this make a chart of points or lines unreadable. */
const mostRows = 20;
const mostLines = 12;

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
    // With more labels than colours the same colour comes back with another sign and dash.
    color: palette[at % palette.length] ?? '#888888',
    pointStyle: shapes[(at + Math.floor(at / palette.length)) % shapes.length] ?? 'circle',
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
      "Memory is the median of the processes' largest resident sizes up to the end of a run, so runs before it in the same process count.",
  });
}

/**
 * @param {ChartContext} context
 * @param {{ title: string, axis: string, logarithmic: boolean, caption: string, of: (row: PageRow) => number | null,
 *   format: (value: number) => string, say: (value: number) => string }} what
 * @returns {ReportChart | undefined}
 */
function scatter(context, { title, axis, logarithmic, caption, of, format, say }) {
  const { table, theme } = context;
  const metric = metricOf(context);
  const points = bestRows(context, mostRows).flatMap((row) => {
    const [cell, x] = [row.cells[context.metric], of(row)];
    return cell && x !== null ? [{ row, x, y: cell.mean, sd: cell.sd, text: cell.text }] : [];
  });
  if (points.length === 0) return undefined;
  const front = paretoFront(points, metric.higherIsBetter).flatMap((i) => points[i] ?? []);
  const xs = points.map(({ x }) => x);
  const room = logarithmic ? 1.3 : 1;
  const spread = logarithmic ? 0 : (Math.max(...xs) - Math.min(...xs) || Math.abs(xs[0] ?? 1)) * 0.06;
  const low = Math.min(...xs) / room - spread;
  const high = Math.max(...xs) * room + spread;
  /** @type {ChartDataset<'scatter'>[]} */
  const datasets = points.map(({ row, x, y, sd }) => {
    const { color, pointStyle } = styleOf(row.label, context);
    return {
      label: row.label,
      data: [{ x, y, sd }],
      pointStyle,
      pointRadius: 6,
      pointHoverRadius: 8,
      backgroundColor: color,
      borderColor: color,
    };
  });
  datasets.push({
    label: 'Pareto front',
    // From the front's cheapest point upwards, then on at its best quality.
    data: [...front.map(({ x, y }) => ({ x, y })), { x: high, y: front.at(-1)?.y ?? 0 }],
    showLine: true,
    stepped: true,
    pointRadius: 0,
    pointHoverRadius: 0,
    pointStyle: 'line',
    borderColor: theme.text,
    backgroundColor: theme.text,
    borderDash: [5, 4],
    borderWidth: 1.2,
  });
  const cut = cutNote(context, mostRows);
  return {
    title,
    caption: `${metric.name} (${betterWord(metric)}), mean ± sample standard deviation over seeds. ${caption} The dashed line is the Pareto front: what no cheaper method reaches.${cut}`,
    columns: ['Method', axis, metric.name, 'Pareto front'],
    rows: points.map((point) => [
      point.row.label,
      say(point.x),
      point.text,
      front.includes(point) ? 'yes' : 'no',
    ]),
    height: 420,
    config: {
      type: 'scatter',
      data: { datasets },
      plugins: [errorBars('y')],
      options: {
        ...common(
          context,
          `${title}: ${table.title}`,
          'mean ± sample standard deviation over seeds; dashed: Pareto front',
        ),
        scales: {
          x: {
            ...scale(theme, axis),
            type: logarithmic ? 'logarithmic' : 'linear',
            min: low,
            max: high,
            ticks: {
              color: theme.text,
              maxRotation: 0,
              autoSkipPadding: 12,
              includeBounds: false,
              callback: (value) => tickText(Number(value), logarithmic, format),
            },
          },
          // With room for the error bars.
          y: {
            ...scale(theme, axisName(metric)),
            suggestedMin: Math.min(...points.map(({ y, sd }) => y - (sd ?? 0))),
            suggestedMax: Math.max(...points.map(({ y, sd }) => y + (sd ?? 0))),
            grace: '4%',
          },
        },
      },
    },
  };
}

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function learningCurves(context) {
  const { table, theme } = context;
  const curves = bestRows(context, mostLines).flatMap((row) => {
    const runs = row.runs.filter(({ status }) => status === 'finished');
    const training = meanCurve(runs.map(({ losses }) => losses));
    const validation = meanCurve(runs.map(({ evaluations }) => evaluations));
    return training.length + validation.length > 0 ? [{ row, training, validation }] : [];
  });
  if (curves.length === 0) return undefined;
  /** @type {ChartDataset<'line', { x: number, y: number }[]>[]} */
  const datasets = curves.flatMap(({ row, training, validation }) => {
    const { color, pointStyle, borderDash } = styleOf(row.label, context);
    const shared = { borderColor: color, backgroundColor: color, pointStyle };
    const toPoints = (/** @type {readonly Point[]} */ curve) => curve.map(([x, y]) => ({ x, y }));
    return [
      { ...shared, label: row.label, data: toPoints(training), borderDash, borderWidth: 1.6, pointRadius: 0 },
      {
        ...shared,
        label: `${row.label}, validation`,
        data: toPoints(validation),
        showLine: false,
        pointRadius: 4,
      },
    ];
  });
  const last = (/** @type {readonly Point[]} */ curve) => {
    const point = curve.at(-1);
    return point ? `${point[1].toPrecision(4)} (step ${point[0]})` : '–';
  };
  return {
    title: 'Learning curves',
    caption: `Loss by step: lines on the training set (means of steps that follow each other), signs on the validation set; means over the finished seeds where their steps are the same, else the first seed.${cutNote(context, mostLines)}`,
    columns: ['Method', 'last training loss', 'last validation loss'],
    rows: curves.map(({ row, training, validation }) => [row.label, last(training), last(validation)]),
    height: 420,
    config: {
      type: 'line',
      data: { datasets },
      options: {
        ...common(context, `Learning curves: ${table.title}`, 'lines: training loss; signs: validation loss'),
        scales: {
          x: { ...scale(theme, 'step'), type: 'linear' },
          y: { ...scale(theme, 'loss'), grace: '3%' },
        },
      },
    },
  };
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
      pointStyle,
      pointRadius: 5,
      backgroundColor: `${color}99`,
      borderColor: color,
    };
  });
  datasets.push({
    label: 'mean',
    data: rows.flatMap(({ cell }, y) => (cell ? [{ x: cell.mean, y }] : [])),
    pointStyle: 'line',
    pointRotation: 90,
    pointRadius: 11,
    pointBorderWidth: 2.5,
    borderColor: theme.text,
    backgroundColor: theme.text,
  });
  return {
    title: 'Spread over seeds',
    caption: `${metric.name} (${betterWord(metric)}): a sign for each seed, a bar for the mean.${cutNote(context, 2 * mostRows)}`,
    columns: ['Method', 'mean ± sd', 'seeds'],
    rows: rows.map(({ row, seeds, cell }) => [
      row.label,
      cell?.text ?? '–',
      seeds.map(({ seed, value }) => `${seed}: ${value.toFixed(metric.decimals)}`).join(', '),
    ]),
    height: 90 + 30 * rows.length,
    config: {
      type: 'scatter',
      data: { datasets },
      options: {
        ...common(
          context,
          `Spread over seeds: ${table.title}`,
          'a sign for each seed, a bar for the mean',
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

/** @param {ChartContext} context @returns {ReportChart | undefined} */
export function ablations(context) {
  const { table, shown, theme } = context;
  const metric = metricOf(context);
  const bars = table.rows.flatMap((row) => {
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
  if (bars.length === 0) return undefined;
  const colors = bars.map(({ row }) => styleOf(row.label, context).color);
  return {
    title: 'Ablations',
    caption: `${metric.name} of a variant minus that of the whole method, mean ± sample standard deviation over the seeds of both; ${metric.higherIsBetter ? 'left of' : 'right of'} zero the variant is worse.`,
    columns: ['Variant', 'whole method', 'difference', 'seeds'],
    rows: bars.map(({ row, parent, mean, sd, n }) => [
      row.label,
      parent.label,
      `${signed(mean, metric.decimals)} ± ${sd === null ? '–' : sd.toFixed(metric.decimals)}`,
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

/** @param {ChartContext} context @param {readonly PageTable[]} tables @returns {ReportChart | undefined} */
export function radar(context, tables) {
  const { table, shown, theme } = context;
  const axes = tables.filter(({ model, metrics }) => model === table.model && metrics.length > 0);
  if (axes.length < 3) return undefined;
  /** @param {PageTable} axis @param {string} label */
  const valueOf = (axis, label) => axis.rows.find((row) => row.label === label)?.cells[0]?.mean ?? null;
  const best = axes.map((axis) => {
    const means = axis.rows.flatMap(({ cells }) => cells[0]?.mean ?? []);
    return axis.metrics[0]?.higherIsBetter ? Math.max(...means) : Math.min(...means);
  });
  const lines = table.rows
    .filter(({ label }) => shown.has(label))
    .map(({ label }) => {
      const values = axes.map((axis) => valueOf(axis, label));
      const shares = values.map((value, i) => {
        if (value === null) return null;
        const [top, higher] = [best[i] ?? 1, axes[i]?.metrics[0]?.higherIsBetter];
        return (100 * (higher ? value : top)) / (higher ? top : value);
      });
      const known = shares.filter((share) => share !== null);
      return { label, values, shares, mean: known.reduce((sum, share) => sum + share, 0) / known.length };
    })
    .filter(({ mean }) => Number.isFinite(mean))
    .sort((a, b) => b.mean - a.mean)
    .slice(0, mostLines);
  if (lines.length === 0) return undefined;
  const least = Math.min(...lines.flatMap(({ shares }) => shares.filter((share) => share !== null)));
  const ring = [1, 2, 5, 10].find((step) => (100 - least) / step <= 5) ?? 20;
  const middle = Math.max(0, (Math.floor(least / ring) - 1) * ring);
  const names = axes.map(({ task, metrics }) => [task, metrics[0]?.name ?? '']);
  return {
    title: 'Tasks',
    caption: `Methods on ${table.model} over its tasks: each task's first metric as a share of the best method's, which is the outer edge; rings are ${ring} % apart, the middle is ${middle} %.`,
    columns: ['Method', ...names.map(([task, metric]) => `${task ?? ''}, ${metric ?? ''}`)],
    rows: lines.map(({ label, values }) => [
      label,
      ...values.map((value, i) => (value === null ? '–' : value.toFixed(axes[i]?.metrics[0]?.decimals))),
    ]),
    height: 560,
    config: {
      type: 'radar',
      data: {
        labels: names,
        datasets: lines.map(({ label, shares }) => {
          const { color, pointStyle, borderDash } = styleOf(label, context);
          return {
            label,
            data: shares,
            borderColor: color,
            backgroundColor: 'transparent',
            pointBackgroundColor: color,
            pointBorderColor: color,
            pointStyle,
            borderDash,
            borderWidth: 1.6,
            pointRadius: 3.5,
          };
        }),
      },
      options: {
        ...common(
          context,
          `Tasks: ${table.model}`,
          `share of the best method, the outer edge; rings are ${ring} % apart, the middle is ${middle} %`,
        ),
        scales: {
          r: {
            min: middle,
            max: 100,
            grid: { color: theme.grid },
            angleLines: { color: theme.grid },
            pointLabels: { color: theme.text },
            // Numbers would stand on the first task's points; the caption has them.
            ticks: { display: false, stepSize: ring },
          },
        },
      },
    },
  };
}

/** @param {ChartContext} context @param {readonly PageTable[]} tables @returns {Record<string, ReportChart>} */
export function chartsOf(context, tables) {
  const charts = {
    parameters: againstParameters(context),
    time: againstTime(context),
    memory: againstMemory(context),
    curves: learningCurves(context),
    seeds: seedSpread(context),
    ablations: ablations(context),
    tasks: radar(context, tables),
  };
  return Object.fromEntries(
    Object.entries(charts).flatMap(([name, chart]) => (chart ? [/** @type {const} */ ([name, chart])] : [])),
  );
}

/** @param {ChartContext} context */
function metricOf({ table, metric }) {
  return table.metrics[metric] ?? { name: '', higherIsBetter: true, decimals: 2 };
}

/** Rows to show that have the metric, the best first. @param {ChartContext} context @param {number} most @returns {PageRow[]} */
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

/** @param {ChartContext} context @param {number} most */
function cutNote(context, most) {
  const all = rankedRows(context).length;
  return all > most ? ` Of ${all} rows the best ${most} are shown; the filter chooses others.` : '';
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
    title: { display: title !== '', text: title, color: theme.text },
    ticks: { color: theme.text },
    grid: { color: theme.grid },
    border: { color: theme.grid },
  };
}

/** An axis with a label for each row, the first on top. @param {Theme} theme @param {readonly string[]} labels */
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
      autoSkip: false,
      callback: (/** @type {string | number} */ value) => elide(labels[Number(value)] ?? ''),
    },
  };
}

/** @param {ChartContext} context @param {string} title @param {string} subtitle What a picture says of itself; the page has captions. */
function common({ theme }, title, subtitle, legend = true) {
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
        font: { size: 15 },
        padding: { top: 0, bottom: 2 },
      },
      subtitle: { display: theme.titles, text: subtitle, color: theme.text, padding: { bottom: 10 } },
      legend: {
        display: legend,
        position: /** @type {const} */ ('bottom'),
        labels: {
          color: theme.text,
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

/** @param {number} value @param {boolean} logarithmic @param {(value: number) => string} format */
function tickText(value, logarithmic, format) {
  const leading = value / 10 ** Math.floor(Math.log10(Math.abs(value) || 1) + 1e-9);
  return logarithmic && ![1, 2, 5].some((digit) => Math.abs(leading - digit) < 1e-6) ? '' : format(value);
}

/** `49k`, `1.2M`. @param {number} value */
function compact(value) {
  for (const [size, unit] of /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])) {
    // prettier-ignore
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
