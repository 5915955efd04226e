import js from '@eslint/js';
import ts from 'typescript-eslint';

export default ts.config(
  {
    ignores: [
      'results/',
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
  { files: ['*.js', '.*.js'], extends: [ts.configs.disableTypeChecked] },
);
