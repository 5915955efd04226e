import js from '@eslint/js';
import ts from 'typescript-eslint';

/** Imports point one way: cli → runs → (tasks, methods) → training, decoding → models → engine; data, reporting, papers are leaves, metrics read and write files through data. */
const allowed = {
  'harness/engine': ['data/float16'],
  'harness/metrics': ['data/errors', 'data/files', 'data/atomic', 'data/zip', 'data/addresses'],
  'harness/data': [],
  'harness/papers': [],
  'harness/reporting': ['runs/record', 'runs/step-log', 'papers', 'metrics'],
  'harness/models': ['engine', 'data'],
  'harness/exchange': ['models', 'data'],
  'harness/training': ['engine', 'models', 'data'],
  'harness/decoding': ['engine', 'models', 'data'],
  'harness/evaluation': ['engine', 'models', 'decoding', 'data'],
  evaluations: ['data', 'evaluation'],
  methods: [
    'engine/ops',
    'models/types',
    'models/random',
    'models/bottleneck',
    'models/low-rank',
    'models/targets',
  ],
  tasks: ['data', 'metrics', 'engine/ops', 'models/types', 'models/heads', 'decoding', 'training'],
  'harness/runs': [
    'engine',
    'models',
    'exchange',
    'training',
    'decoding',
    'evaluation',
    'data',
    'metrics',
    'papers',
    'methods',
    'tasks',
  ],
};
const folders = [
  'cli',
  'engine',
  'models',
  'exchange',
  'training',
  'decoding',
  'evaluation',
  'data',
  'metrics',
  'runs',
  'reporting',
  'papers',
];

const boundaries = Object.entries(allowed).map(([folder, may]) => {
  const own = folder.split('/').pop();
  const banned = [...folders, 'methods', 'tasks'].filter(
    (name) => name !== own && !may.some((m) => m === name || m.startsWith(`${name}/`)),
  );
  const exceptions = may.filter((m) => m.includes('/'));
  const partly = [...new Set(exceptions.map((m) => m.split('/')[0]))].filter((name) => !may.includes(name));
  return {
    files: [`${folder}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            ...(banned.length
              ? [
                  {
                    regex: `^\\.\\./(.*/)?(${banned.join('|')})/`,
                    message: `${folder} may import ${may.join(', ') || 'nothing of the other folders'} (see CONTRIBUTING.md).`,
                  },
                ]
              : []),
            ...partly.map((name) => ({
              regex: `^\\.\\./(.*/)?${name}/(?!(${exceptions
                .filter((m) => m.startsWith(`${name}/`))
                .map((m) => m.slice(name.length + 1))
                .join('|')})(\\.ts|/))`,
              message: `${folder} may import only ${exceptions.join(', ')} of harness/${name}.`,
            })),
            ...(folder === 'harness/engine'
              ? []
              : [
                  {
                    regex: '^(onnxruntime-node|@tensorflow/tfjs(-.*)?)$',
                    message:
                      'Only harness/engine imports a tensor library; programs use harness/engine/ops.ts.',
                  },
                ]),
          ],
        },
      ],
    },
  };
});

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
        projectService: { allowDefaultProject: ['*.js'] },
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
  { files: ['*.js'], extends: [ts.configs.disableTypeChecked] },
  ...boundaries,
);
