/** The Markdown file of a report. */
import { printTable, type PrintedCell } from './cells.ts';
import { summaryLine, type Report } from './report.ts';

/** Writes the report as Markdown: a table for each task and base. */
export function markdownReport(report: Report): string {
  const blocks = ['# Report', escapeMarkdown(summaryLine(report))];
  for (const table of report.tables) {
    const { title, header, body, foot } = printTable(table, { costs: true });
    const rows = [
      header.map(escapeMarkdown),
      header.map((_, i) => (i === 0 ? '---' : '--:')),
      ...body.map((cells) => cells.map(formatCell)),
    ];
    blocks.push(
      `## ${escapeMarkdown(title)}`,
      rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n'),
      foot.map((line) => `- ${escapeMarkdown(line)}`).join('\n'),
    );
  }
  if (report.untrusted.length > 0) {
    const lines = report.untrusted.map(({ path, reason }) => `- ${escapeMarkdown(`${path}: ${reason}`)}`);
    blocks.push('## Files that are not used', lines.join('\n'));
  }
  return `${blocks.join('\n\n')}\n`;
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
