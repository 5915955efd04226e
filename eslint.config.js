/** What lint holds: types without loopholes, and the form that readers see (no line too long, no formatter off). */
import js from '@eslint/js';
import ts from 'typescript-eslint';

/** Tables of data, which read best as they are: word lists, and numbers of papers. */
const dataTables = ['harness/papers/red/tables.ts', 'harness/data/synthetic/text-from-meaning/names.ts'];

const spreadLiteral = {
  selector: 'ObjectExpression > SpreadElement > ObjectExpression',
  message: 'Write the properties of this literal into the object itself; the formatter breaks the lines.',
};

export default ts.config(
  {
    ignores: [
      'dist/',
      'results/',
      'docs/api/',
      'reports/',
      'coverage/',
      'harness/shims/',
      'test/golden/',
      'findings/',
      'node_modules/',
    ],
  },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  ts.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', '.*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowArray: true }],
      // Interfaces here are written in method form for their looser variance; no object of ours uses `this` so.
      '@typescript-eslint/unbound-method': 'off',
      // noUncheckedIndexedAccess makes `!` the honest way to say that an index is in range.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/prefer-for-of': 'off',
    },
  },
  {
    ignores: ['dist/', ...dataTables],
    rules: {
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'no-restricted-syntax': ['error', spreadLiteral],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'no-warning-comments': ['error', { terms: ['prettier-ignore'], location: 'anywhere' }],
    },
  },
  // A test file is one function that lists cases.
  { files: ['test/**'], rules: { 'max-lines-per-function': 'off' } },
  { files: ['*.js', '.*.js'], extends: [ts.configs.disableTypeChecked] },
);
