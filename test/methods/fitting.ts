/** Options that suit tiny bases of width 16; other methods use defaults without dropout. */
export const fitting: Readonly<Record<string, object>> = {
  adapterdrop: { drop: 1 },
  compacter: { bottleneck: 4 },
  'diff-pruning': { start: 1, noise: false, gateRate: 1, sparsity: 0.5 },
  fourierft: { frequencies: 6, scale: 40 },
  intrinsic: { dimension: 90 },
  mam: { virtualTokens: 4, bottleneck: 4 },
  masking: { sparsity: 0.3 },
  miss: { rank: 5 },
  oft: { blockSize: 4 },
  'parallel-adapter': { bottleneck: 4 },
  randlora: { rank: 4, alpha: 8 },
  vera: { rank: 8 },
};
