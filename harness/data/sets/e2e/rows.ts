/** The form of a row of E2E, which the files and the built-in data share. */

/** One pair of the E2E NLG Challenge (Novikova et al., 2017). */
export interface E2ERow {
  readonly meaning: string;
  readonly reference: string;
}
