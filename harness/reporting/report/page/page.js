// The page of a report. All text from data goes through textContent.
/* global document, window, location, history, URLSearchParams, matchMedia, Chart, HTMLElement */
import { chartsOf, evaluationChart, labelsOf, quantitiesOf, styleOf, themes } from './charts.js';

/** @import { PageData, PageExample, PageRow, PageRun, PageTable } from '../page-data.ts' */
/** @import { PageJudgedTurn, PageJudgement } from '../../judged/page-judgements.ts' */
/** @import { MainTable } from '../../main/main-table.ts' */
/** @import { ChartContext, PointShape, ReportChart } from './charts.d.ts' */

const runsPerPage = 25;
const examplesPerPage = 3;
/** Answers shown to one example. */
const mostAnswers = 30;

/** @type {unknown} */
const json = JSON.parse(element('data').textContent);
const data = /** @type {PageData} */ (json);
const labels = labelsOf(data);
/** @type {{ destroy(): void }[]} */
let charts = [];
/** @type {{ destroy(): void }[]} */
let evaluationCharts = [];
const state = {
  table: 0,
  metric: 0,
  /** @type {Set<string>} Labels that are switched off. */
  off: new Set(),
  /** @type {Set<string>} Names of columns of the results that are switched off. */
  hidden: new Set(),
  /** Names of the columns of the picture of any two; '' where none is chosen. */
  axes: { across: data.axes?.across ?? '', up: data.axes?.up ?? '' },
  runsPage: 0,
  examplesPage: 0,
  judgement: 0,
  judgedPage: 0,
  /** @type {Record<string, { column: number, down: boolean }>} By table's id. */
  sorting: {},
};

/** @param {string} id @returns {HTMLElement} */
function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * A new element with a class, and children or text.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {string} className @param {readonly (Node | string)[]} children
 */
function make(tag, className = '', children = []) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** @returns {PageTable} */
function table() {
  const chosen = data.tables[state.table];
  if (!chosen) throw new Error('the report has no table');
  return chosen;
}

/** @returns {HTMLInputElement} */
function filter() {
  return /** @type {HTMLInputElement} */ (element('filter'));
}

/** Whether a row's label is shown: with all words of the filter, or of one of its sides of a `|`. */
function labelFilter() {
  const sides = filter()
    .value.toLowerCase()
    .split('|')
    .filter((side) => side.trim() !== '');
  const has = (/** @type {string} */ label, /** @type {string} */ side) =>
    side.split(/\s+/).every((word) => label.toLowerCase().includes(word));
  const fits = (/** @type {string} */ label) => sides.length === 0 || sides.some((side) => has(label, side));
  return (/** @type {string} */ label) => !state.off.has(label) && fits(label);
}

/** Labels of the table's rows that are shown. */
function shown() {
  return new Set(
    table()
      .rows.map(({ label }) => label)
      .filter(labelFilter()),
  );
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : chosen === 'dark';
}

function theme() {
  return themes[isDark() ? 'dark' : 'light'];
}

/**
 * The markers of charts as paths in a square of 12; those of lines alone are drawn, the others filled.
 * @type {Record<PointShape, string>}
 */
const markers = {
  circle: 'M6 0a6 6 0 1 0 0 12a6 6 0 1 0 0-12',
  rect: 'M1 1h10v10h-10z',
  triangle: 'M6 0L12 11H0z',
  rectRot: 'M6 0L12 6L6 12L0 6z',
  cross: 'M6 0V12M0 6H12',
  star: 'M6 0V12M0 6H12M2 2L10 10M10 2L2 10',
  crossRot: 'M1 1L11 11M11 1L1 11',
};

/** The colour and marker that a label has in every chart. @param {string} label */
function swatch(label) {
  const { color, pointStyle } = styleOf(label, { labels, theme: theme() });
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', markers[pointStyle]);
  const drawing = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  drawing.setAttribute('viewBox', '0 0 12 12');
  drawing.setAttribute('aria-hidden', 'true');
  drawing.append(path);
  const made = make('span', `swatch ${pointStyle}`, [drawing]);
  made.style.color = color;
  return made;
}

/**
 * @typedef {{ text: string, sort?: string | number | null, mark?: 'best' | 'next' | null, label?: string,
 * node?: Node, className?: string }} Cell
 * @typedef {{ name: string, numeric?: boolean, sorts?: boolean }} Column
 */

/** A name whose lines break between words alone, not at the hyphen of ROUGE-L. @param {string} name */
function unbroken(name) {
  return name.split(/( )/).map((word) => (word.includes('-') ? make('span', 'word', [word]) : word));
}

/**
 * A table in a frame that scrolls; a click on a column's name sorts by it and calls `onSort`.
 * `standing` are rows in grey under a rule below the others.
 * @param {{ id: string, caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[],
 * standing?: readonly (readonly Cell[])[], onSort?: () => void, tall?: boolean }} what
 */
function dataTable({ id, caption, columns, rows, standing = [], onSort, tall = false }) {
  const sorting = state.sorting[id];
  const head = make('tr');
  columns.forEach(({ name, numeric = false, sorts = true }, at) => {
    const cell = make('th', numeric ? 'number' : '');
    cell.scope = 'col';
    if (onSort && sorts) {
      const own = sorting?.column === at ? sorting : undefined;
      if (own) cell.setAttribute('aria-sort', own.down ? 'descending' : 'ascending');
      const button = make('button', '', unbroken(name));
      button.type = 'button';
      button.addEventListener('click', () => {
        // Numbers are first wanted from the largest on.
        state.sorting[id] = { column: at, down: own ? !own.down : numeric };
        onSort();
        const again = element(id).querySelectorAll('thead th')[at]?.querySelector('button');
        again?.focus();
      });
      cell.append(button);
    } else cell.append(...unbroken(name));
    head.append(cell);
  });
  const bodyOf = (/** @type {readonly (readonly Cell[])[]} */ of, className = '') =>
    make(
      'tbody',
      className,
      of.map((row) =>
        make(
          'tr',
          '',
          row.map((cell, at) => dataCell(cell, columns[at], at)),
        ),
      ),
    );
  const bodies = [bodyOf(rows), ...(standing.length > 0 ? [bodyOf(standing, 'standing')] : [])];
  const made = make('table', '', [make('caption', '', [caption]), make('thead', '', [head]), ...bodies]);
  made.id = id;
  const frame = make('div', tall ? 'scroll tall' : 'scroll', [made]);
  frame.tabIndex = 0;
  frame.setAttribute('role', 'region');
  frame.setAttribute('aria-label', caption);
  return frame;
}

/** @param {Cell} cell @param {Column | undefined} column @param {number} at */
function dataCell({ text, mark, label, node, className = '' }, column, at) {
  const made = make(at === 0 ? 'th' : 'td', [className, column?.numeric ? 'number' : ''].join(' ').trim());
  if (at === 0) /** @type {HTMLTableCellElement} */ (made).scope = 'row';
  if (label !== undefined) made.append(swatch(label));
  if (mark === 'best') made.append(make('strong', '', [text]), make('span', 'hidden', [' (best)']));
  else if (mark === 'next') made.append(make('span', 'next', [text]), make('span', 'hidden', [' (second)']));
  else made.append(text);
  if (node) made.append(node);
  return made;
}

/**
 * Rows in the order that the reader chose for a table.
 * @param {string} id
 * @param {(readonly Cell[])[]} rows
 */
function sorted(id, rows) {
  const sorting = state.sorting[id];
  if (!sorting) return rows;
  const { column, down } = sorting;
  const key = (/** @type {readonly Cell[]} */ row) => row[column]?.sort ?? row[column]?.text ?? '';
  const compare = (/** @type {string | number} */ a, /** @type {string | number} */ b) =>
    typeof a === 'number' && typeof b === 'number'
      ? a - b
      : String(a).localeCompare(String(b), 'en', { numeric: true });
  // What has no number stands last, whichever way.
  const has = (/** @type {readonly Cell[]} */ row) => row[column]?.sort !== null;
  return rows.toSorted(
    (a, b) => Number(has(b)) - Number(has(a)) || (down ? -1 : 1) * (has(a) ? compare(key(a), key(b)) : 0),
  );
}

/** Methods by tasks on the chosen table's base, where it has several tasks. */
function showMain() {
  const main = data.main.find(({ of }) => of === table().model);
  if (!main) {
    element('main-table').replaceChildren();
    return;
  }
  const isShown = labelFilter();
  const id = 'main-rows';
  const methods = main.body.length - (main.standing ?? 0);
  const cellsOf = (/** @type {typeof main.body} */ body) =>
    body.filter(([name]) => name && isShown(name.text)).map((row) => printedCells(row, true));
  const frame = dataTable({
    id,
    caption: main.title,
    columns: main.header.map((name, at) => ({ name, numeric: at > 0 })),
    rows: sorted(id, cellsOf(main.body.slice(0, methods))),
    standing: sorted(id, cellsOf(main.body.slice(methods))),
    onSort: showMain,
    tall: true,
  });
  const notes = notesOf(main);
  const more = make('details', '', [make('summary', '', ['What the numbers mean, and notes']), notes]);
  element('main-table').replaceChildren(frame, more);
}

/**
 * A printed row as cells that sort by their numbers; `isLabelled` where the first has its row's colour.
 * @param {MainTable['body'][number]} row @param {boolean} isLabelled
 * @returns {Cell[]}
 */
function printedCells(row, isLabelled) {
  return row.map(({ text, value, mark }, at) => {
    if (at === 0) return isLabelled ? { text, label: text } : { text };
    // What has no number stands last, a word by itself.
    return { text, sort: value ?? (text === '–' ? null : text), mark: mark ?? null };
  });
}

/** What a printed table's numbers mean, and its notes. @param {MainTable} table */
function notesOf({ means, foot }) {
  return make(
    'ul',
    'notes',
    [...means, ...foot].map((line) => make('li', '', [line])),
  );
}

/** Results that others published, a table for each base. */
function showPublished() {
  hidePart('published', data.published.length === 0);
  element('published-tables').replaceChildren(
    ...data.published.flatMap((one, at) => {
      const id = `published-rows-${at}`;
      const frame = dataTable({
        id,
        caption: one.title,
        columns: one.header.map((name, column) => ({ name, numeric: column > 1 })),
        rows: sorted(
          id,
          one.body.map((row) => printedCells(row, false)),
        ),
        onSort: showPublished,
        tall: true,
      });
      return [frame, notesOf(one)];
    }),
  );
}

/**
 * Hides a part of the page that has nothing to show, and the link to it.
 * @param {string} id @param {boolean} isEmpty
 */
function hidePart(id, isEmpty) {
  element(id).hidden = isEmpty;
  const link = document.querySelector(`nav a[href="#${id}"]`);
  if (link instanceof HTMLElement) link.hidden = isEmpty;
}

/** The settings in which the shown rows differ, side by side. */
function showSettings() {
  const visible = shown();
  const rows = table().rows.filter(({ label }) => visible.has(label));
  const all = rows.map(({ settings }) => new Map(flatten(settings)));
  const names = [...new Set(all.flatMap((own) => [...own.keys()]))];
  const differing = names.filter((name) => new Set(all.map((own) => own.get(name))).size > 1);
  element('settings-table').replaceChildren(
    dataTable({
      id: 'settings-rows',
      caption: `${differing.length} settings differ among ${rows.length} rows; Methods chooses which rows`,
      columns: [{ name: 'Setting' }, ...rows.map(({ label }) => ({ name: label }))],
      rows: differing.map((name) => [
        { text: name },
        ...all.map((own) => ({ text: own.get(name) ?? '–', className: 'text' })),
      ]),
      tall: true,
    }),
  );
}

function showResults() {
  const { title, metrics, rows, foot } = table();
  const visible = shown();
  const columns = [
    { name: 'Method' },
    { name: 'Trainable', numeric: true },
    ...metrics.map(({ name, higherIsBetter }) => ({
      name: `${name}\u00a0${higherIsBetter ? '↑' : '↓'}`,
      numeric: true,
    })),
    { name: 'n', numeric: true },
    { name: 'ms/step', numeric: true },
    { name: 'Memory, GB', numeric: true },
  ];
  showColumnChoices(columns.slice(1).map(({ name }) => name));
  const isShown = columns.map(({ name }) => !state.hidden.has(name));
  const chosen = (/** @type {readonly Cell[]} */ row) => row.filter((_, at) => isShown[at]);
  const seen = rows.filter(({ label }) => visible.has(label));
  const cellsOf = (/** @type {boolean} */ standing) =>
    seen
      .filter(({ isStanding }) => isStanding === standing)
      .map((row) => [
        { text: row.label, label: row.label },
        { text: row.trained.toLocaleString('en'), sort: row.trained },
        ...row.cells.map((cell) => ({
          text: cell?.text ?? '–',
          sort: cell?.mean ?? null,
          mark: cell?.mark ?? null,
        })),
        { text: row.count, sort: row.runs.filter(({ status }) => status === 'finished').length },
        { text: number(row.stepTime, 1), sort: row.stepTime },
        { text: number(row.memory, 2), sort: row.memory },
      ]);
  const id = 'results-rows';
  element('empty').hidden = seen.length > 0;
  element('results-table').replaceChildren(
    dataTable({
      id,
      caption: `${title}: ${seen.length} of ${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`,
      columns: columns.filter((_, at) => isShown[at]),
      rows: sorted(id, cellsOf(false).map(chosen)),
      standing: sorted(id, cellsOf(true).map(chosen)),
      onSort: showResults,
      tall: true,
    }),
  );
  element('foot').replaceChildren(...foot.map((line) => make('li', '', [line])));
}

/** Boxes that hide columns of the results. @param {readonly string[]} names */
function showColumnChoices(names) {
  const hidden = names.filter((name) => state.hidden.has(name)).length;
  element('columns-shown').textContent = `${names.length - hidden} of ${names.length} shown`;
  const choices = element('column-choices');
  // A box that is clicked stays, and with it the keyboard's place.
  if (choices.textContent === names.join('')) return;
  choices.replaceChildren(
    ...names.map((name) => {
      const box = make('input');
      box.type = 'checkbox';
      box.checked = !state.hidden.has(name);
      box.addEventListener('change', () => {
        if (box.checked) state.hidden.delete(name);
        else state.hidden.add(name);
        // The order was that of a column's place, which is another one now.
        delete state.sorting['results-rows'];
        writeAddress();
        showResults();
      });
      return make('label', '', [box, name]);
    }),
  );
}

/** @param {number | null | undefined} value @param {number} decimals */
function number(value, decimals) {
  return value === null || value === undefined ? '–' : value.toFixed(decimals);
}

function showCharts() {
  for (const chart of charts) chart.destroy();
  charts = [];
  /** @type {ChartContext} */
  const context = {
    table: table(),
    metric: state.metric,
    shown: shown(),
    labels,
    theme: theme(),
    axes: state.axes,
  };
  const figures = element('figures');
  const open = opened(figures);
  const made = Object.entries(chartsOf(context, data.tables)).map(([name, chart]) =>
    figureOf(name, chart, open),
  );
  figures.replaceChildren(...made.map(({ figure }) => figure));
  if (made.length === 0) figures.append(make('p', 'note', ['No shown row has a number of this metric.']));
  // After they stand in the page, so that they know their width.
  charts = made.map(({ canvas, chart }) => new Chart(canvas, chart.config));
}

/** @param {string} name @param {ReportChart} chart @param {ReadonlySet<string>} open */
function figureOf(name, chart, open) {
  const canvas = make('canvas');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${chart.title}. ${chart.caption} The table below has the same data.`);
  const frame = make('div', 'canvas', [canvas]);
  frame.style.height = `${chart.height}px`;
  const details = make('details', '', [make('summary', '', ['The same as a table'])]);
  details.id = `data-${name}`;
  const fill = () => {
    if (details.childElementCount > 1) return;
    const columns = chart.columns.map((column, at) => ({ name: column, numeric: at > 0 }));
    const rows = chart.rows.map((row) => row.map((text) => ({ text })));
    details.append(dataTable({ id: `rows-${name}`, caption: chart.title, columns, rows, tall: true }));
  };
  details.addEventListener('toggle', fill);
  details.open = open.has(details.id);
  const caption = make('figcaption', '', [make('h3', '', [chart.title]), make('p', '', [chart.caption])]);
  const figure = make('figure', '', [caption, frame, details]);
  figure.id = `chart-${name}`;
  return { figure, canvas, chart };
}

/** The evaluations of every base: a chart, and the numbers as its table. */
function showEvaluations() {
  for (const chart of evaluationCharts) chart.destroy();
  const frame = element('evaluations-figures');
  const made = data.evaluations.map((one, at) =>
    figureOf(`evaluations-${at}`, evaluationChart(one, theme()), opened(frame)),
  );
  hidePart('evaluations', made.length === 0);
  frame.replaceChildren(...made.map(({ figure }) => figure));
  evaluationCharts = made.map(({ canvas, chart }) => new Chart(canvas, chart.config));
}

/** The ids of what a reader has opened in a part of the page. @param {HTMLElement} part */
function opened(part) {
  return new Set([...part.querySelectorAll('details[open]')].map((one) => one.id));
}

function showExamples() {
  const { rows } = table();
  const visible = shown();
  const examples = disputedFirst(table(), visible);
  const pages = Math.ceil(examples.length / examplesPerPage);
  state.examplesPage = Math.max(0, Math.min(state.examplesPage, pages - 1));
  const from = state.examplesPage * examplesPerPage;
  element('predictions-note').textContent =
    examples.length === 0
      ? 'No run of this table has predictions.'
      : `Of each row the finished run with the lowest seed; ${examples.length} examples of the test set, those first ` +
        'that some of the shown rows have right and others not ' +
        `(the page holds at most ${data.limits.examples} of a table, the files beside the records hold all).`;
  element('predictions-pager').replaceChildren(
    ...pager('predictions', 'examples', { from, size: examplesPerPage, total: examples.length }, (step) => {
      state.examplesPage += step;
      showExamples();
    }),
  );
  element('examples').replaceChildren(
    ...examples.slice(from, from + examplesPerPage).map((example) => exampleOf(example, rows, visible)),
  );
}

/**
 * Examples stand first that some of the shown rows have right and others not.
 * @param {PageTable} table @param {ReadonlySet<string>} visible
 */
function disputedFirst({ examples, rows }, visible) {
  const isDisputed = (/** @type {PageExample} */ { references, answers }) => {
    const given = answers.filter((answer, at) => answer && visible.has(rows[at]?.label ?? ''));
    const right = given.filter((answer) => answer && references.includes(answer.text)).length;
    return right > 0 && right < given.length;
  };
  const disputed = new Set(examples.filter(isDisputed));
  return examples.toSorted((a, b) => Number(disputed.has(b)) - Number(disputed.has(a)));
}

/** @param {PageExample} example @param {readonly PageRow[]} rows @param {ReadonlySet<string>} visible */
function exampleOf({ id, input, references, answers }, rows, visible) {
  const given = rows.flatMap(({ label }, at) => {
    const answer = answers[at];
    return answer && visible.has(label) ? [{ label, ...answer }] : [];
  });
  const scores = [...new Set(given.flatMap((answer) => Object.keys(answer.scores)))];
  const facts = make('dl');
  if (input !== null) facts.append(make('dt', '', ['Input']), make('dd', '', [input]));
  if (references.length > 0) {
    facts.append(make('dt', '', [references.length > 1 ? 'References' : 'Reference']));
    for (const reference of references) facts.append(make('dd', 'reference', [reference]));
  }
  const left = given.length - mostAnswers;
  const caption =
    left > 0 ? `Answers of the first ${mostAnswers} rows; the filter chooses others` : 'Answers';
  const columns = [
    { name: 'Method' },
    { name: 'Prediction' },
    ...scores.map((name) => ({ name, numeric: true })),
  ];
  const cells = given
    .slice(0, mostAnswers)
    .map((answer) => [
      { text: answer.label, label: answer.label },
      answer.text.trim() === ''
        ? { text: '(empty)', className: 'empty' }
        : { text: answer.text, className: 'text' },
      ...scores.map((name) => ({ text: number(answer.scores[name], 3) })),
    ]);
  return make('article', '', [
    make('h3', '', [`Example ${id}`]),
    facts,
    dataTable({ id: `answers-${id}`, caption, columns, rows: cells }),
  ]);
}

/** The chosen judgement: its rates, how far to trust them, and the judged answers. */
function showJudged() {
  hidePart('judged', data.judged.length === 0);
  const judged = data.judged[state.judgement];
  if (!judged) return;
  const { title, rates, notes, examples, of } = judged;
  element('judged-rates').replaceChildren(
    dataTable({
      id: 'judged-rows',
      caption: title,
      columns: [{ name: 'Rate' }, { name: 'Value', numeric: true }, { name: '± error', numeric: true }],
      rows: rates.map((row) => row.map((text) => ({ text }))),
      tall: true,
    }),
  );
  const held =
    examples.length === 0
      ? 'No answers lie beside this record; "bench judge" of a later version keeps them.'
      : `${examples.length} of ${of} judged turns are in this page; the file beside the record holds all.`;
  element('judged-notes').replaceChildren(...[...notes, held].map((line) => make('li', '', [line])));
  const pages = Math.ceil(examples.length / examplesPerPage);
  state.judgedPage = Math.max(0, Math.min(state.judgedPage, pages - 1));
  const from = state.judgedPage * examplesPerPage;
  element('judged-pager').replaceChildren(
    ...pager('judged', 'turns', { from, size: examplesPerPage, total: examples.length }, (step) => {
      state.judgedPage += step;
      showJudged();
    }),
  );
  element('judged-turns').replaceChildren(
    ...examples.slice(from, from + examplesPerPage).map((example) => judgedTurn(example, judged)),
  );
}

/** @param {PageJudgedTurn} example @param {PageJudgement} judged */
function judgedTurn({ name, question, answers, other, verdict, order, texts }, { names: [own, rival] }) {
  const facts = make('dl');
  const fact = (/** @type {string} */ term, /** @type {readonly string[]} */ lines) => {
    facts.append(make('dt', '', [term]), ...lines.map((line) => make('dd', 'reference', [line])));
  };
  fact(question.length > 1 ? 'Questions' : 'Question', question);
  fact('Verdict', [verdict]);
  if (order !== null) fact('Order', [order]);
  const side = (/** @type {string} */ title, /** @type {readonly string[]} */ lines) =>
    make('div', 'answer', [
      make('h4', '', [title]),
      ...lines.map((line) => (line.trim() === '' ? make('p', 'empty', ['(empty)']) : make('p', '', [line]))),
    ]);
  const sides = make('div', 'answers', [
    side(own, answers),
    ...(other && rival !== null ? [side(rival, other)] : []),
  ]);
  const judge = make('details', '', [
    make('summary', '', ['What the judge wrote']),
    ...texts.map((text) => make('p', 'text', [text])),
  ]);
  return make('article', '', [make('h3', '', [name]), facts, sides, ...(texts.length > 0 ? [judge] : [])]);
}

function showRuns() {
  const { title, metrics, rows } = table();
  const visible = shown();
  const runs = rows
    .filter(({ label }) => visible.has(label))
    .flatMap((row) => row.runs.map((run) => ({ row, run })));
  const columns = [
    { name: 'Method' },
    { name: 'Seed', numeric: true },
    { name: 'Status' },
    ...metrics.map(({ name }) => ({ name, numeric: true })),
    { name: 'ms/step', numeric: true },
    { name: 'Memory, GB', numeric: true },
    { name: 'Record', sorts: false },
  ];
  const cells = runs.map(({ row, run }) => [
    { text: row.label, label: row.label },
    { text: String(run.seed), sort: run.seed },
    run.error === null
      ? { text: run.status }
      : { text: `${run.status}: ${run.error}`, className: 'failed text' },
    ...run.values.map((value, m) => ({ text: number(value, metrics[m]?.decimals ?? 2), sort: value })),
    { text: number(run.stepTime, 1), sort: run.stepTime },
    { text: number(run.memory, 2), sort: run.memory },
    { text: '', node: detailsButton(row, run) },
  ]);
  const id = 'runs-rows';
  const pages = Math.ceil(cells.length / runsPerPage);
  state.runsPage = Math.max(0, Math.min(state.runsPage, pages - 1));
  const from = state.runsPage * runsPerPage;
  const resort = () => {
    state.runsPage = 0;
    showRuns();
  };
  element('runs-table').replaceChildren(
    dataTable({
      id,
      caption: `${title}: ${cells.length} ${cells.length === 1 ? 'run' : 'runs'}`,
      columns,
      rows: sorted(id, cells).slice(from, from + runsPerPage),
      onSort: resort,
    }),
  );
  element('runs-pager').replaceChildren(
    ...pager('runs', 'runs', { from, size: runsPerPage, total: cells.length }, (step) => {
      state.runsPage += step;
      showRuns();
    }),
  );
}

/**
 * Buttons to the page before and the next of a part of the page; none where one page holds all.
 * @param {string} part
 * @param {string} what
 * @param {{ from: number, size: number, total: number }} shown
 * @param {(step: number) => void} go
 */
function pager(part, what, { from, size, total }, go) {
  if (total <= size) return [];
  const button = (
    /** @type {string} */ text,
    /** @type {number} */ step,
    /** @type {boolean} */ disabled,
  ) => {
    const made = make('button', '', [text]);
    made.type = 'button';
    made.disabled = disabled;
    made.setAttribute('aria-label', `${text} ${what}`);
    made.addEventListener('click', () => {
      go(step);
      // The button was made anew; where it leads no further, its neighbour takes the focus.
      const again = [...element(`${part}-pager`).querySelectorAll('button')];
      const same = again.find((one) => one.textContent === text);
      (same?.disabled ? again.find((one) => !one.disabled) : same)?.focus();
    });
    return made;
  };
  const place = make('span', '', [`${from + 1}–${Math.min(from + size, total)} of ${total} ${what}`]);
  place.setAttribute('role', 'status');
  return [
    make('div', 'pager', [
      button('Previous', -1, from === 0),
      place,
      button('Next', 1, from + size >= total),
    ]),
  ];
}

/** @param {PageRow} row @param {PageRun} run */
function detailsButton(row, run) {
  const button = make('button', '', ['Details']);
  button.type = 'button';
  button.setAttribute('aria-label', `Details of ${row.label}, seed ${run.seed}`);
  button.addEventListener('click', () => {
    element('dialog-title').textContent = `${row.label}, seed ${run.seed}`;
    const parts = /** @type {const} */ ([
      ['Record', { path: run.path, ...run.more }],
      ['Settings', { ...row.settings, seed: run.seed }],
      ['Code, engine and machine', data.places[run.place] ?? {}],
    ]);
    element('dialog-body').replaceChildren(
      ...parts.flatMap(([title, value]) => {
        const facts = make('dl');
        for (const [key, text] of flatten(value)) facts.append(make('dt', '', [key]), make('dd', '', [text]));
        return [make('h3', '', [title]), facts];
      }),
    );
    /** @type {HTMLDialogElement} */ (element('dialog')).showModal();
    element('dialog-body').scrollTop = 0;
  });
  return button;
}

/**
 * Fields of fields as `recipe.learningRate`.
 * @param {object} value
 * @param {string} prefix
 * @returns {[string, string][]}
 */
function flatten(value, prefix = '') {
  return Object.entries(/** @type {Record<string, unknown>} */ (value)).flatMap(
    /** @returns {[string, string][]} */ ([key, field]) =>
      typeof field === 'object' && field !== null && Object.keys(field).length > 0
        ? flatten(field, `${prefix}${key}.`)
        : [[prefix + key, typeof field === 'string' ? field : JSON.stringify(field)]],
  );
}

function showChoices() {
  const { rows, metrics } = table();
  element('choices').replaceChildren(
    ...rows.map(({ label }) => {
      const box = make('input');
      box.type = 'checkbox';
      box.checked = !state.off.has(label);
      box.addEventListener('change', () => {
        if (box.checked) state.off.delete(label);
        else state.off.add(label);
        showRows();
      });
      return make('label', '', [box, swatch(label), label]);
    }),
  );
  state.metric = Math.min(state.metric, Math.max(0, metrics.length - 1));
  fillSelect(
    'metric',
    metrics.map(({ name }) => name),
    state.metric,
  );
  const quantities = quantitiesOf(table());
  for (const id of /** @type {const} */ (['across', 'up'])) {
    const names = ['–', ...quantities.map(({ title }) => title)];
    fillSelect(id, names, 1 + quantities.findIndex(({ name }) => name === state.axes[id]));
  }
}

/** @param {string} id @param {readonly string[]} names @param {number} chosen */
function fillSelect(id, names, chosen) {
  const select = /** @type {HTMLSelectElement} */ (element(id));
  select.replaceChildren(...names.map((name) => make('option', '', [name])));
  select.selectedIndex = chosen;
}

/** All that depends on which rows are shown. */
function showRows() {
  writeAddress();
  element('shown').textContent = `${shown().size} of ${table().rows.length} shown`;
  showMain();
  showResults();
  showSettings();
  showCharts();
  showExamples();
  showRuns();
}

function showAll() {
  element('theme').textContent = isDark() ? 'Light theme' : 'Dark theme';
  showPublished();
  showEvaluations();
  showJudged();
  // A folder of evaluations alone has no runs to choose from.
  if (data.tables.length === 0) return;
  showChoices();
  showRows();
}

/** @param {string} id @param {(select: HTMLSelectElement) => void} then */
function onChange(id, then) {
  const select = /** @type {HTMLSelectElement} */ (element(id));
  select.addEventListener('change', () => {
    then(select);
  });
}

/** Writes what is chosen into the page's address, so that it can be sent and comes back after a reload. */
function writeAddress() {
  const { title, metrics } = table();
  const chosen = new URLSearchParams();
  if (state.table > 0) chosen.set('table', title);
  if (state.metric > 0) chosen.set('metric', metrics[state.metric]?.name ?? '');
  if (filter().value !== '') chosen.set('filter', filter().value);
  for (const label of state.off) chosen.append('off', label);
  for (const name of state.hidden) chosen.append('hidden', name);
  for (const [id, name] of Object.entries(state.axes)) if (name !== '') chosen.set(id, name);
  // A part of the page that a link led to stays in the address where nothing is chosen.
  if (chosen.size > 0 || location.hash.includes('=')) history.replaceState(null, '', `#${chosen.toString()}`);
}

/** Chooses what the page's address says; names that the report lacks are passed over. */
function readAddress() {
  const chosen = new URLSearchParams(location.hash.slice(1));
  const at = data.tables.findIndex(({ title }) => title === chosen.get('table'));
  state.table = Math.max(0, at);
  state.metric = Math.max(
    0,
    table().metrics.findIndex(({ name }) => name === chosen.get('metric')),
  );
  state.off = new Set(chosen.getAll('off'));
  state.hidden = new Set(chosen.getAll('hidden'));
  state.axes = {
    across: chosen.get('across') ?? state.axes.across,
    up: chosen.get('up') ?? state.axes.up,
  };
  filter().value = chosen.get('filter') ?? '';
}

/** What the page leaves out, and files that are no records. */
function showAbout() {
  const { limits, untrusted } = data;
  const says = [
    `A learning curve has at most ${limits.points} points; the logs beside the records hold every step.`,
    `Predictions: at most ${limits.examples} test examples of a table, long texts cut; ` +
      'the files beside the records hold all.',
    'Numbers of runs are rounded for this page; records.csv has them in full.',
  ];
  element('limits').replaceChildren(...says.map((line) => make('li', '', [line])));
  if (untrusted.length > 0) {
    const rows = untrusted.map(({ path, reason }) => [{ text: path }, { text: reason, className: 'text' }]);
    element('untrusted').replaceChildren(
      make('h3', '', ['Files that are not used']),
      dataTable({
        id: 'untrusted-rows',
        caption: 'They are left as they are.',
        columns: [{ name: 'File' }, { name: 'Why' }],
        rows,
        tall: true,
      }),
    );
  }
}

function start() {
  const { tables, summary } = data;
  element('summary').textContent = summary;
  if (tables.length === 0)
    for (const id of ['controls', 'results', 'charts', 'predictions', 'runs']) element(id).hidden = true;
  else readAddress();
  fillSelect(
    'table',
    tables.map(({ title }) => title),
    state.table,
  );
  onChange('table', ({ selectedIndex }) => {
    Object.assign(state, { table: selectedIndex, metric: 0, runsPage: 0, examplesPage: 0 });
    showAll();
  });
  onChange('metric', ({ selectedIndex }) => {
    state.metric = selectedIndex;
    writeAddress();
    showCharts();
  });
  for (const id of /** @type {const} */ (['across', 'up'])) {
    onChange(id, ({ selectedIndex }) => {
      state.axes[id] = quantitiesOf(table())[selectedIndex - 1]?.name ?? '';
      writeAddress();
      showCharts();
    });
  }
  fillSelect(
    'judgement',
    data.judged.map(({ title }) => title),
    state.judgement,
  );
  onChange('judgement', ({ selectedIndex }) => {
    Object.assign(state, { judgement: selectedIndex, judgedPage: 0 });
    showJudged();
  });
  element('controls').addEventListener('submit', (event) => {
    event.preventDefault();
  });
  let waiting = 0;
  element('filter').addEventListener('input', () => {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(showRows, 150);
  });
  element('all').addEventListener('click', () => {
    state.off.clear();
    showAll();
  });
  element('none').addEventListener('click', () => {
    for (const { label } of table().rows) state.off.add(label);
    showAll();
  });
  element('theme').addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    showAll();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showAll);
  showAbout();
  showAll();
}

start();
