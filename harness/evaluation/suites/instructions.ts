/**
 * The test files of LLM-Adapters (Hu et al., 2023) as instructions that a tuned model answers in words: the
 * suites of commonsense and arithmetic reasoning of LLM-Adapters and of the ReFT paper (pyreft), with the
 * prompts of both.
 */
import { z } from 'zod';
import { textTemplates } from '../../data/examples/prompt-templates.ts';
import type { EvaluationProtocol, Reading, TextEvaluation, WrittenText } from '../evaluation.ts';
import { parseRow } from './documents.ts';
import { readAdaptersFile } from '../../data/sets/rows.ts';

const schema = z.object({
  instruction: z.string(),
  output: z.string(),
  answer: z.union([z.string(), z.number()]),
});

/** One set of a suite. */
export interface InstructionSet {
  /** The folder of its file, in LLM-Adapters' `dataset`. */
  readonly folder: string;
  readonly name: string;
  readonly label: string;
}

/** One set, and what it has in common with the other sets of its suite. */
interface Suite {
  readonly group: string;
  /** Most tokens of an answer. */
  readonly maxNewTokens: Readonly<Record<'pyreft' | 'llm-adapters', number>>;
  /** Pyreft's template. */
  readonly template: 'instruction' | 'pyreft';
  readonly set: InstructionSet;
  read(written: WrittenText, gold: string, protocol: EvaluationProtocol): Reading;
}

/** Tokens that pyreft keeps of a prompt, from its start. */
const PROMPT_LENGTH = 512;
/** Beams of LLM-Adapters' search. */
const BEAMS = 4;

/** An evaluation of one set. */
export function instructionEvaluation({ group, maxNewTokens, template, set, read }: Suite): TextEvaluation {
  return {
    kind: 'text',
    name: `${group}-${set.name}`,
    label: set.label,
    version: 1,
    sources: ['folder'],
    groups: [group],
    groupMean: 'parts',
    measures: ['accuracy'],
    shots: { pyreft: 0, 'llm-adapters': 0 },
    fixedShots: true,
    examples: 'first',
    decoding: (protocol) =>
      protocol === 'pyreft'
        ? { maxNewTokens: maxNewTokens.pyreft, stops: [], promptLength: PROMPT_LENGTH }
        : {
            maxNewTokens: maxNewTokens['llm-adapters'],
            stops: [],
            beams: BEAMS,
            keepsSpecialTokens: group === 'arithmetic',
          },
    read: (written, { gold }, protocol) => ({ accuracy: read(written, gold, protocol) }),
    async load({ source, protocol }) {
      const { rows, hash, form } = await readAdaptersFile(source, { folder: set.folder, file: 'test' });
      const documents = rows.map(({ value, where }) => {
        const { instruction, output, answer } = parseRow(schema, value, where);
        const { prompt } = textTemplates[protocol === 'pyreft' ? template : 'llm-adapters'];
        const question = prompt({ instruction, input: '' }, 'testing');
        return { example: { question, answer: output }, prompt: question, gold: String(answer) };
      });
      return { form, hash, documents, pool: [] };
    },
  };
}
