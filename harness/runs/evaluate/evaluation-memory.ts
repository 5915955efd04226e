/** The memory of evaluations: what each needs, as a sentence, and whether its process may be killed for it. */
import { lostEvaluation } from '../execute/out-of-memory.ts';
import { scoringMemory } from '../memory/estimate-memory.ts';
import { sizeText } from '../memory/memory-here.ts';
import { usableMemory } from '../../support/usable-memory.ts';
import type { EvaluationPiece, EvaluationPlan } from './plan-evaluations.ts';

/** What an evaluation is expected to take, in bytes; all but likelihoods are of texts that the base writes. */
const memoryOf = ({ subject, chosen }: EvaluationPiece): number =>
  scoringMemory(subject.described, chosen.evaluation.kind !== 'choices', usableMemory());

/**
 * Why the process of an evaluation may be lost for want of memory: the last one was, or the base is estimated to
 * need more than there is. Undefined where neither is so.
 */
export async function evaluationRisk(
  piece: EvaluationPiece,
  { engine }: EvaluationPlan,
): Promise<string | undefined> {
  const lost = await lostEvaluation(piece.path);
  if (lost !== undefined) return lost;
  // A card has memory of its own.
  if (engine.device?.startsWith('cuda')) return undefined;
  return memoryOf(piece) > usableMemory() ? 'it is unlikely to fit the memory' : undefined;
}

/** The memory that an evaluation needs and that there is, as the end of a sentence. */
export function scoringNeed(piece: EvaluationPiece): string {
  return (
    `the evaluation needs about ${sizeText(memoryOf(piece))} of memory, of ${sizeText(usableMemory())} ` +
    `here; fewer --jobs${piece.subject.baseWeights ? '' : ', --base-weights nf4'} and a smaller base make it less`
  );
}
