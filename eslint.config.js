/** What lint holds: types without loopholes, and the form that readers see (no line too long, no formatter off). */
import js from '@eslint/js';
import ts from 'typescript-eslint';

/** Tables of data, which read best as they are: word lists, and numbers of papers. */
const dataTables = ['harness/papers/red/tables.ts', 'harness/data/synthetic/text-from-meaning/names.ts'];

/** Folders whose form is still being cleaned; one leaves the list when it has nothing left to mend. */
const beingCleaned = [
  'harness/cli/templates/methods/*',
  'harness/data/examples/*',
  'harness/data/formats/*',
  'harness/data/hub/*',
  'harness/data/random/*',
  'harness/data/sets/e2e/*',
  'harness/data/sets/glue/*',
  'harness/data/sets/glue/synthetic/*',
  'harness/data/synthetic/*',
  'harness/data/synthetic/text-from-meaning/*',
  'harness/data/tokenizers/*',
  'harness/data/tokenizers/classes/*',
  'harness/data/tokenizers/files/*',
  'harness/data/tokenizers/training/*',
  'harness/exchange/*',
  'harness/exchange/peft/*',
  'harness/metrics/labels/*',
  'harness/metrics/meteor/*',
  'harness/metrics/meteor/data/*',
  'harness/metrics/resampling/*',
  'harness/metrics/text/*',
  'harness/papers/*',
  'harness/papers/red/*',
  'harness/papers/reft/*',
  'harness/records/*',
  'harness/reporting/evaluations/*',
  'harness/reporting/published/*',
  'harness/reporting/report/*',
  'harness/reporting/report/page/*',
  'harness/reporting/tables/*',
  'harness/support/*',
  'tasks/*',
  'tasks/shared/*',
  'test/cases/*',
  'test/cli/*',
  'test/data/examples/*',
  'test/data/formats/*',
  'test/data/hub/*',
  'test/data/random/*',
  'test/data/sets/*',
  'test/data/tokenizers/*',
  'test/data/tokenizers/training/*',
  'test/decoding/*',
  'test/decoding/on-host/*',
  'test/evaluation/*',
  'test/exchange/*',
  'test/exchange/peft/*',
  'test/papers/red/*',
  'test/records/*',
  'test/reporting/*',
  'test/reporting/published/*',
  'test/reporting/report/*',
  'test/reporting/tables/*',
  'test/runs/*',
  'test/runs/cell/*',
  'test/runs/check/*',
  'test/runs/execute/*',
  'test/runs/outcome/*',
  'test/runs/plan/*',
  'test/runs/pretrain/*',
  'test/runs/reproduce/*',
  'test/tasks/*',
  'test/training/loop/*',
  'test/training/objectives/*',
];

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
    ignores: ['dist/', ...dataTables, ...beingCleaned],
    rules: {
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'no-restricted-syntax': ['error', spreadLiteral],
      'no-warning-comments': ['error', { terms: ['prettier-ignore'], location: 'anywhere' }],
    },
  },
  { files: ['*.js', '.*.js'], extends: [ts.configs.disableTypeChecked] },
);
