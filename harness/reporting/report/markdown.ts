/** The Markdown file of a report. */
import { printTable, type PrintedCell, type PrintedTable } from './cells.ts';
import { usualColumns } from '../tables/cost-columns.ts';
import { printEvaluations } from './evaluations.ts';
import { summaryLine, type Report } from './report.ts';

/** Writes the report as Markdown: the main results, then a table for each task and base. */
export function markdownReport(report: Report): string {
  const printed = report.tables.map((table) =>
    printTable(table, report.columns ?? usualColumns(table.rows.map(({ row }) => row.costs))),
  );
  const tables = [
    ...report.main,
    ...report.published,
    ...printed,
    ...report.evaluations.map(printEvaluations),
  ];
  const blocks = ['# Report', escapeMarkdown(summaryLine(report)), ...tables.map(markdownTable)];
  if (report.untrusted.length > 0) {
    const lines = report.untrusted.map(({ path, reason }) => `- ${escapeMarkdown(`${path}: ${reason}`)}`);
    blocks.push('## Files that are not used', lines.join('\n'));
  }
  return `${blocks.join('\n\n')}\n`;
}

/** Writes one table with its title above and its notes below. */
export function markdownTable({ title, header, body, standing = 0, means, foot }: PrintedTable): string {
  const methods = body.length - standing;
  const rows = [
    header.map(escapeMarkdown),
    header.map((_, i) => (i === 0 ? '---' : '--:')),
    ...body.slice(0, methods).map((cells) => cells.map(formatCell)),
    // Markdown has no rule within a table and no grey: an empty row and italics stand for them.
    ...(methods > 0 && standing > 0 ? [header.map(() => '')] : []),
    ...body.slice(methods).map((cells) => cells.map((cell) => `*${formatCell(cell)}*`)),
  ];
  return [
    `## ${escapeMarkdown(title)}`,
    rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
    [...means, ...foot].map((line) => `- ${escapeMarkdown(line)}`).join('\n'),
  ].join('\n\n');
}

function formatCell({ text, mark }: PrintedCell): string {
  const escaped = escapeMarkdown(text);
  if (mark === 'best') return `**${escaped}**`;
  return mark === 'next' ? `<u>${escaped}</u>` : escaped;
}

/** Escapes a text for Markdown, on one line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]|~$#]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
