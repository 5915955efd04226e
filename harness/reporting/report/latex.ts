/** The LaTeX files of a report: a document, and one file a table for \input. */
import { printTable, type PrintedCell, type PrintedTable } from './cells.ts';
import { findColumns, type CostColumn } from '../tables/cost-columns.ts';
import { printEvaluations } from './evaluations.ts';
import { summaryLine, type Report } from './report.ts';
import type { ReportTable } from './rows.ts';

/** The most rows of a table that stays on one page; a longer one breaks. */
const rowsPerPage = 40;

/** Writes a document with all tables, which pdflatex compiles beside the folder `tables`. */
export function latexDocument(report: Report): string {
  const printed = report.tables.map((table) => ({
    ...printTable(table, []),
    slug: table.slug,
  }));
  const evaluations = report.evaluations.map((table) => ({ ...printEvaluations(table), slug: table.slug }));
  const tables = [...report.main, ...report.published, ...printed, ...evaluations].map(
    ({ title, foot, slug }) => {
      const notes = foot.map((line) => `${escapeLatex(line)}\\par`);
      return [
        `\\section*{${escapeLatex(title)}}`,
        `\\input{tables/${slug}.tex}`,
        ...(notes.length > 0 ? [`{\\footnotesize\\raggedright\n${notes.join('\n')}\n}`] : []),
      ].join('\n');
    },
  );
  const untrusted = report.untrusted.map(({ path, reason }) => `${escapeLatex(`${path}: ${reason}`)}\\par`);
  return [
    '\\documentclass{article}',
    '\\usepackage[margin=2cm]{geometry}',
    '\\usepackage{booktabs,longtable,float,graphicx,xcolor}',
    // Keeps tables next to their notes.
    '\\floatplacement{table}{H}',
    // Lets words spread, because long ones cannot break and would run out of the page.
    '\\sloppy\\setlength{\\parindent}{0pt}\\setlength{\\tabcolsep}{4pt}',
    '\\begin{document}',
    `${escapeLatex(summaryLine(report))}\\par`,
    ...tables,
    ...(untrusted.length > 0 ? ['\\section*{Files that are not used}', ...untrusted] : []),
    '\\end{document}',
    '',
  ].join('\n');
}

/** Writes a table of the report with columns of costs; see latexOf. */
export const latexTable = (
  table: ReportTable,
  columns: readonly CostColumn[] = findColumns(['trainable']),
): string => latexOf(printTable(table, columns), table.slug);

/** Makes what it holds as wide as the line where it is wider, and leaves the rest alone; graphicx has it. */
const fitted = '\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%';

/**
 * Writes one table with caption and label (`tab:` and the name of its file) for \input: a `table` of
 * booktabs that fits the line, or a `longtable` for more than 40 rows.
 */
export function latexOf({ title, header, body, standing = 0, means }: PrintedTable, slug: string): string {
  const isLong = body.length > rowsPerPage;
  const environment = isLong ? 'longtable' : 'tabular';
  const methods = body.length - standing;
  const line = (cells: readonly string[]) => `${cells.join(' & ')} \\\\`;
  const caption = [
    `\\caption{${[`${title}.`, ...means].map(escapeLatex).join(' ')}}`,
    `\\label{tab:${slug}}`,
  ].join('');
  const lines = [
    `\\begin{${environment}}{l${'r'.repeat(header.length - 1)}}`,
    ...(isLong ? [`${caption}\\\\`] : []),
    '\\toprule',
    line(header.map(escapeLatex)),
    '\\midrule',
    ...(isLong ? ['\\endhead'] : []),
    ...body.slice(0, methods).map((cells) => line(cells.map(formatCell))),
    ...(methods > 0 && standing > 0 ? ['\\midrule'] : []),
    ...body
      .slice(methods)
      .map((cells) => line(cells.map((cell) => `\\textcolor{gray}{${formatCell(cell)}}`))),
    '\\bottomrule',
    `\\end{${environment}}`,
  ];
  // A group limits the font size to the table.
  if (isLong) return ['{\\small', ...lines, '}', ''].join('\n');
  const table = [fitted, `${lines.join('\n')}}`];
  return ['\\begin{table}', '\\centering\\small', caption, ...table, '\\end{table}', ''].join('\n');
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
  // After \\ a bracket would be read as its argument.
  '[': '{[}',
  ']': '{]}',
  '*': '{*}',
  '-': '{-}',
  '–': '--',
  '—': '---',
  '…': '\\dots{}',
  '‘': '`',
  '’': "'",
  '“': '``',
  '”': "''",
  '⁄': '/',
  '‐': '{-}',
  '‑': '{-}',
  '„': ',,',
  '€': '{EUR}',
  '™': '\\texttrademark{}',
  ı: '\\i{}',
  ł: '\\l{}',
  Ł: '\\L{}',
  œ: '\\oe{}',
  Œ: '\\OE{}',
};

/** Signs that LaTeX sets in mathematics. */
const mathematics: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    (
      'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho ' +
      'varsigma sigma tau upsilon phi chi psi omega'
    )
      .split(' ')
      .map((name, i) => [String.fromCodePoint(0x3b1 + i), name === 'o' ? 'o' : `\\${name}`]),
  ),
  ...Object.fromEntries(
    'A B Gamma Delta E Z H Theta I K Lambda M N Xi O Pi P - Sigma T Upsilon Phi X Psi Omega'
      .split(' ')
      .map((name, i) => [
        String.fromCodePoint(0x391 + i),
        name.length === 1 ? `\\mathrm{${name}}` : `\\${name}`,
      ]),
  ),
  // The micro sign and variant forms of Greek letters.
  µ: '\\mu',
  ϵ: '\\epsilon',
  ϕ: '\\phi',
  ϑ: '\\vartheta',
  ℓ: '\\ell',
  '±': '\\pm',
  '∓': '\\mp',
  '−': '-',
  '×': '\\times',
  '·': '\\cdot',
  '⋅': '\\cdot',
  '∙': '\\bullet',
  '•': '\\bullet',
  '÷': '\\div',
  '∗': '\\ast',
  '∘': '\\circ',
  '°': '{}^\\circ',
  '¬': '\\neg',
  '↑': '\\uparrow',
  '↓': '\\downarrow',
  '→': '\\rightarrow',
  '←': '\\leftarrow',
  '↔': '\\leftrightarrow',
  '↦': '\\mapsto',
  '⇒': '\\Rightarrow',
  '⇔': '\\Leftrightarrow',
  '≤': '\\le',
  '≥': '\\ge',
  '≪': '\\ll',
  '≫': '\\gg',
  '≈': '\\approx',
  '≃': '\\simeq',
  '≅': '\\cong',
  '≠': '\\ne',
  '≡': '\\equiv',
  '∝': '\\propto',
  '∼': '\\sim',
  '√': '\\surd',
  '∞': '\\infty',
  '∂': '\\partial',
  '∇': '\\nabla',
  '∑': '\\sum',
  '∏': '\\prod',
  '∫': '\\int',
  '∈': '\\in',
  '∉': '\\notin',
  '⊂': '\\subset',
  '⊆': '\\subseteq',
  '∪': '\\cup',
  '∩': '\\cap',
  '∅': '\\emptyset',
  '∀': '\\forall',
  '∃': '\\exists',
  '∧': '\\wedge',
  '∨': '\\vee',
  '⊙': '\\odot',
  '⊗': '\\otimes',
  '⊕': '\\oplus',
  '⊤': '\\top',
  '⊥': '\\perp',
  '‖': '\\|',
  '∥': '\\|',
  '∣': '|',
  '⌊': '\\lfloor',
  '⌋': '\\rfloor',
  '⌈': '\\lceil',
  '⌉': '\\rceil',
  '⟨': '\\langle',
  '⟩': '\\rangle',
  '′': "'",
  '″': "''",
  '†': '\\dagger',
  '‡': '\\ddagger',
  '★': '\\star',
  '⋆': '\\star',
  '■': '\\bullet',
  ℝ: '\\mathbf{R}',
  ℕ: '\\mathbf{N}',
  ℤ: '\\mathbf{Z}',
  '✓': '\\surd',
};

/** Accents by their combining signs, for letters outside Latin-1. */
const accents: Readonly<Record<string, string>> = {
  '\u0300': '`',
  '\u0301': "'",
  '\u0302': '^',
  '\u0303': '~',
  '\u0304': '=',
  '\u0306': 'u',
  '\u0307': '.',
  '\u0308': '"',
  '\u030a': 'r',
  '\u030b': 'H',
  '\u030c': 'v',
  '\u0327': 'c',
};

/**
 * Escapes a text for LaTeX, on one line; signs that a plain installation cannot print become their code
 * points.
 */
export function escapeLatex(text: string): string {
  return Array.from(text.replace(/\s+/g, ' '), escapeSign).join('');
}

function escapeSign(sign: string): string {
  if (Object.hasOwn(commands, sign)) return commands[sign]!;
  if (Object.hasOwn(mathematics, sign)) return `$${mathematics[sign]!}$`;
  if (/^[ -~À-ÖØ-öø-ÿ]$/.test(sign) && !/[ÐðÞþ]/.test(sign)) return sign;
  const [letter, accent, more] = sign.normalize('NFD');
  if (
    accent !== undefined &&
    more === undefined &&
    Object.hasOwn(accents, accent) &&
    /[a-z]/i.test(letter!)
  ) {
    // Accents stand over a dotless i or j.
    return `\\${accents[accent]!}{${/[ij]/.test(letter!) && accent !== '\u0327' ? `\\${letter!}` : letter!}}`;
  }
  // Superscripts, subscripts and other forms of signs (ᵀ, ₂, ³, ½, ﬁ) become their plain signs, raised or
  // lowered.
  const plain = sign.normalize('NFKC');
  const inner = plain === sign ? 'U+' : Array.from(plain, escapeSign).join('');
  if (!inner.includes('U+')) {
    const place = /[²³¹⁰-ⁿᴬ-ᵡªº]/u.test(sign) ? '^' : /[₀-ₜᵢ-ᵪⱼ]/u.test(sign) ? '_' : undefined;
    if (place === undefined) return inner;
    const isOneSign = plain.length === 1 && /[a-z0-9+=()]/i.test(plain);
    const raised = mathematics[plain] ?? `\\mbox{\\scriptsize ${inner}}`;
    return `$${place}${isOneSign ? plain : `{${raised}}`}$`;
  }
  return `{[}U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}{]}`;
}
