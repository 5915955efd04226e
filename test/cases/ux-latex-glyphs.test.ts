// Regression test: the LaTeX report printed `(IA)[U+00B3]` and `[U+03B5] 1e-6` for signs of deltabench's own
// texts. Expected: `(IA)$^3$` and `$\epsilon$`, and no code point for any built-in text.
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { discrepancies } from '../../harness/papers/find-discrepancies.ts';
import { redTables } from '../../harness/papers/red/tables.ts';
import { reftGlue } from '../../harness/papers/reft/glue.ts';
import { boldMeans, spreadMeans } from '../../harness/reporting/report/cells.ts';
import { escapeLatex } from '../../harness/reporting/report/latex.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';

test.each([
  ['(IA)³', '(IA)$^3$'],
  ['ε 1e-6', '$\\epsilon$ 1e{-}6'],
  ['W₂ᵀ xᵢ', 'W$_2$$^T$ x$_i$'],
  ['‖Δ‖ → √λ ⊙ ΣΛ', '$\\|$$\\Delta$$\\|$ $\\rightarrow$ $\\surd$$\\lambda$ $\\odot$ $\\Sigma$$\\Lambda$'],
  ['10⁻³ ≤ ½', '10$^{-}$$^3$ $\\le$ 1/2'],
  // Latin-1 letters stay as they are.
  ['Černý, Őri, Łódź', "\\v{C}ern\u00fd, \\H{O}ri, \\L{}\u00f3d\\'{z}"],
])('%s', (text, latex) => {
  expect(escapeLatex(text)).toBe(latex);
});

/** Collects all strings inside a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

describe('every text that ships inside prints', async () => {
  const methods = await loadMethods();
  const tasks = await loadTasks();
  const sources: Readonly<Record<string, readonly string[]>> = {
    'labels, formulas and options of methods': [...methods.values()].flatMap((method) => [
      ...textsOf({ ...method, options: undefined }),
      ...Object.values((method.options as z.ZodObject<Record<string, z.ZodType>>).shape).flatMap(
        ({ description }) => description ?? [],
      ),
    ]),
    'labels and metrics of tasks': [...tasks.values()].flatMap(({ name, label, metrics }) =>
      textsOf({ name, label, metrics }),
    ),
    'texts of the protocol': textsOf(discrepancies),
    'published tables': textsOf([redTables, reftGlue]),
    'feet of tables': [boldMeans, spreadMeans],
  };

  test.each(Object.entries(sources))('%s', (_, texts) => {
    expect(texts.length).toBeGreaterThan(1);
    expect(texts.filter((text) => escapeLatex(text).includes('U+'))).toEqual([]);
  });
});
