/**
 * The file beside a judgement's record that has every judged turn: what was asked, both answers, the verdict and
 * the judge's texts. `bench judge` writes it, the report's page shows it.
 */
import { z } from 'zod';
import type { QuestionDocument } from '../../evaluation/evaluation.ts';
import type { AnswerSet, Judgement } from '../../judging/judging.ts';

const texts = z.array(z.string());
const order = z.enum(['model_1', 'model_2', 'tie']).nullable();

const exampleSchema = z.strictObject({
  id: z.int(),
  category: z.string(),
  /** From 1 on. */
  turn: z.int().positive(),
  /** The turns of the question and of the answers, up to the judged one. */
  question: texts,
  answers: texts,
  /** The answers that these are compared with; null in ratings. */
  other: texts.nullable(),
  /** A preference from 1 (the other model) to 2 (the judged one), a rating, or the winner; null without one. */
  verdict: z.union([z.number(), z.enum(['model_1', 'model_2', 'tie'])]).nullable(),
  isFailed: z.boolean(),
  /** Whether the judged answer stood first, where one order was drawn. */
  isFirst: z.boolean().optional(),
  /** The verdicts with the judged answer first and second, where both orders were asked. */
  orders: z.tuple([order, order]).readonly().optional(),
  /** What the judge wrote. */
  texts,
});
/** A judged turn with all that the judge saw and said. */
export type JudgedExample = z.infer<typeof exampleSchema>;

/** The file's text: a turn a line, in the order of the judgements. */
export function judgedExamplesText(
  judgements: readonly Judgement[],
  questions: readonly QuestionDocument[],
  answers: AnswerSet,
  other: AnswerSet | undefined,
): string {
  const byId = new Map(questions.map((question) => [question.id, question]));
  const lines = judgements.map(({ id, category, turn, verdict, isFailed, isFirst, orders, ...judged }) => {
    const upToTurn = (all: readonly string[]): string[] => all.slice(0, turn);
    const example: JudgedExample = {
      id,
      category,
      turn,
      question: upToTurn(byId.get(id)!.turns),
      answers: upToTurn(answers.turns.get(id)!),
      other: other ? upToTurn(other.turns.get(id)!) : null,
      verdict,
      isFailed,
      ...(isFirst !== undefined && { isFirst }),
      ...(orders && { orders }),
      texts: [...judged.texts],
    };
    return `${JSON.stringify(example)}\n`;
  });
  return lines.join('');
}

/** Reads the file's text; throws where it has another form. */
export function parseJudgedExamples(text: string): JudgedExample[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => exampleSchema.parse(JSON.parse(line)));
}
