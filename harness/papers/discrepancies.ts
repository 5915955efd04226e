/** Which side of a disagreement between a paper, its released code and good practice a run takes. */
export const sides = ['paper', 'code', 'corrected'] as const;
export type Side = (typeof sides)[number];

/** A place where they disagree, and the hyper-parameters that each side means. */
export interface Discrepancy {
  readonly id: string;
  readonly tasks: readonly string[];
  readonly what: string;
  readonly settings: Readonly<Record<Side, Readonly<Record<string, unknown>>>>;
  /** The side that `recommended` takes. */
  readonly suggested: Side;
}

/** Those of the RED paper that are switches here. */
export const discrepancies: readonly Discrepancy[] = [
  {
    id: 'e2e-no-eos',
    tasks: ['e2e'],
    what: 'the released decoding does not know the end token: beams run for 256 tokens and the length penalty is inert; what stands before the first end token is scored',
    settings: {
      paper: { stopAtEnd: true },
      code: { stopAtEnd: false, maxNewTokens: 256 },
      corrected: { stopAtEnd: true },
    },
    suggested: 'corrected',
  },
];
