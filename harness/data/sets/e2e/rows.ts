/** The form of a row of E2E, for load.ts (files and hub) and synthetic.ts (built-in data). */

/** One meaning with one reference of the E2E NLG Challenge (Novikova et al., 2017). */
export interface E2ERow {
  readonly meaning: string;
  readonly reference: string;
}
