/** The form of instructions with their answers, for load.ts (files and hub) and synthetic/ (built-in data). */
import type { Instruction } from '../../examples/prompt-templates.ts';

/** The sets by name. */
export type InstructionSetName = 'ultrafeedback' | 'alpaca' | 'commonsense' | 'math';

/** An instruction with the answer to learn. */
export interface InstructionRow extends Instruction {
  readonly output: string;
}

/** The splits of a set. Files to learn from have neither validation nor test. */
export interface InstructionSet {
  /** Where the rows were read: `hub`, `folder` or `built-in`. */
  readonly form: string;
  /** The sha256 of the files, or of the rows. */
  readonly hash: string;
  readonly train: readonly InstructionRow[];
  readonly validation: readonly InstructionRow[];
  readonly test: readonly InstructionRow[];
}
