/** The directions of imports, checked by `npm run lint`: static, dynamic and type imports alike. */

/** What each room may import beside itself; a path with a file's ending is that file alone. */
const rooms = {
  'harness/support': [],
  'harness/engine': ['support'],
  'harness/data': ['support', 'metrics/resampling/sampled-metric.ts'],
  'harness/metrics': ['support'],
  'harness/papers': ['support'],
  'harness/models': ['engine', 'data', 'support'],
  'harness/exchange': ['models', 'data', 'support'],
  'harness/training': ['models', 'engine', 'data', 'support'],
  'harness/decoding': ['models', 'engine', 'support'],
  'harness/judging': ['evaluation', 'data', 'support'],
  'harness/evaluation': ['decoding', 'models', 'engine', 'data', 'support'],
  'harness/records': [
    'judging',
    'evaluation',
    'training',
    'models/bases/base-weights.ts',
    'engine',
    'papers',
    'support',
  ],
  'harness/reporting': [
    'records',
    'evaluation',
    'models/bases/base-weights.ts',
    'papers',
    'metrics',
    'data',
    'support',
  ],
  'harness/runs': [
    'judging',
    'records',
    'exchange',
    'training',
    'decoding',
    'evaluation',
    'models',
    'engine',
    'data',
    'metrics',
    'papers',
    'support',
  ],
  methods: ['method.ts'],
  tasks: ['task.ts', 'data/sets', 'metrics'],
  evaluations: ['evaluation.ts', 'evaluation', 'data', 'support'],
};

/** Of the engine, others see what it is, what makes it, its operations, and what tries and installs engines. */
const engineFace = '^harness/engine/(types|create|ops|setup/(probe|install-cuda|install-tensorflow))\\.ts$';

const directions = Object.entries(rooms).map(([room, others]) => {
  const allowed = [`${room}/`, ...others.map((one) => `harness/${one}${one.endsWith('.ts') ? '$' : '/'}`)];
  return {
    name: `imports-of-${room.replace('harness/', '')}`,
    comment: `${room} may import ${others.join(', ') || 'no other room'} (CONTRIBUTING.md, "Import directions").`,
    severity: 'error',
    from: { path: `^${room}/` },
    to: { path: '^(harness|methods|tasks|evaluations)/', pathNot: `^(${allowed.join('|')})` },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'face-of-the-engine',
      comment: 'Engines are reached through engine/types.ts, create.ts, ops.ts and setup/ alone.',
      severity: 'error',
      from: { path: '^(harness|methods|tasks|evaluations)/', pathNot: '^harness/engine/' },
      to: { path: '^harness/engine/', pathNot: engineFace },
    },
    {
      name: 'tensor-libraries',
      comment: 'Only harness/engine imports a tensor library; programs use harness/engine/ops.ts.',
      severity: 'error',
      from: { pathNot: '^harness/engine/' },
      to: { path: 'node_modules/(onnxruntime-node|@tensorflow)/' },
    },
    ...directions,
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
