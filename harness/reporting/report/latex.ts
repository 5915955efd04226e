import { printTable, type PrintedCell } from './cells.ts';
import { summaryLine, type Report } from './report.ts';
import type { ReportTable } from './rows.ts';

/** How many rows stand on one page; a longer table breaks. */
const rowsPerPage = 40;

/** A document with every table, which pdflatex compiles beside the folder `tables`. */
export function latexDocument(report: Report): string {
  const tables = report.tables.map((table) => {
    const { title, foot } = printTable(table, { costs: false });
    const notes = foot.map((line) => `${escapeLatex(line)}\\par`);
    return [
      `\\section*{${escapeLatex(title)}}`,
      `{\\centering\\small\\input{tables/${table.slug}.tex}\\par}`,
      `{\\footnotesize\\raggedright\\medskip\n${notes.join('\n')}\n}`,
    ].join('\n');
  });
  const untrusted = report.untrusted.map(({ path, reason }) => `${escapeLatex(`${path}: ${reason}`)}\\par`);
  return [
    '\\documentclass{article}',
    '\\usepackage[margin=2cm]{geometry}',
    '\\usepackage{booktabs,longtable}',
    // So that nothing runs out of the page: words may stand apart, and long ones break nowhere anyway.
    '\\sloppy\\setlength{\\parindent}{0pt}\\setlength{\\tabcolsep}{4pt}',
    '\\begin{document}',
    `${escapeLatex(summaryLine(report))}\\par`,
    ...tables,
    ...(untrusted.length > 0 ? ['\\section*{Files that are not used}', ...untrusted] : []),
    '\\end{document}',
    '',
  ].join('\n');
}

/** One table for a paper's \input; it needs booktabs, and longtable where it has more than 40 rows. */
export function latexTable(table: ReportTable): string {
  const { header, body } = printTable(table, { costs: false });
  const environment = body.length > rowsPerPage ? 'longtable' : 'tabular';
  const line = (cells: readonly string[]) => `${cells.join(' & ')} \\\\`;
  return [
    `\\begin{${environment}}{l${'r'.repeat(header.length - 1)}}`,
    '\\toprule',
    line(header.map(escapeLatex)),
    '\\midrule',
    ...(environment === 'longtable' ? ['\\endhead'] : []),
    ...body.map((cells) => line(cells.map(formatCell))),
    '\\bottomrule',
    `\\end{${environment}}`,
    '',
  ].join('\n');
}

function formatCell({ text, mark }: PrintedCell): string {
  const escaped = escapeLatex(text);
  if (mark === 'best') return `\\textbf{${escaped}}`;
  return mark === 'next' ? `\\underline{${escaped}}` : escaped;
}

const commands: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '%': '\\%',
  '#': '\\#',
  _: '\\_',
  '~': '$\\sim$',
  '^': '\\textasciicircum{}',
  '<': '$<$',
  '>': '$>$',
  '|': '$|$',
  '"': "''",
  '`': '\\textasciigrave{}',
  // A bracket after \\ would be its argument.
  '[': '{[}',
  ']': '{]}',
  '*': '{*}',
  '-': '{-}',
  '±': '$\\pm$',
  '–': '--',
  '—': '---',
  '−': '$-$',
  '×': '$\\times$',
  '·': '$\\cdot$',
  '…': '\\dots{}',
  '↑': '$\\uparrow$',
  '↓': '$\\downarrow$',
  α: '$\\alpha$',
  '‘': '`',
  '’': "'",
  '“': '``',
  '”': "''",
};

/** Text that LaTeX prints as it is, on one line; signs that a plain installation has no glyph for as their code point. */
export function escapeLatex(text: string): string {
  return Array.from(text.replace(/\s+/g, ' '), (sign) => {
    if (Object.hasOwn(commands, sign)) return commands[sign]!;
    if (/^[ -~À-ÖØ-öø-ÿ]$/.test(sign) && !/[ÐðÞþ]/.test(sign)) return sign;
    return `{[}U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}{]}`;
  }).join('');
}
