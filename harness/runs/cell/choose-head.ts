/**
 * Chooses the head of an encoder, or of another base under the protocol `huggingface`: the starting adapter's, the
 * checkpoint's, or a new one that is drawn by the seed.
 */
import { beginHead, beginLayers, completeHead, headOfTensors } from '../../models/bases/stored-head.ts';
import { requireOutput } from '../../models/bases/tied-head.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { makeHead, type Head } from '../../models/delta/heads.ts';
import { UsageError } from '../../support/errors.ts';
import type { Cell } from '../plan/cell.ts';

/** The head of a cell, and where its values come from. */
export interface ChosenHead {
  /** Undefined where the base writes its answers. */
  readonly head: Head | undefined;
  /** Whether the head begins with the values of the checkpoint. */
  readonly headFrom?: 'checkpoint';
  /** Whether the head's values are drawn by the seed. */
  readonly isDrawn: boolean;
  /** What the user should know, a line each. */
  readonly notes: readonly string[];
}

/**
 * Chooses the head of a cell. Throws UsageError where a task asks an encoder or a classifier's checkpoint for text, and
 * where the head of the starting adapter does not fit.
 */
export function chooseHead(cell: Cell, base: BaseModel): ChosenHead {
  const { architecture, id } = base;
  const { task, start } = cell;
  if (writesAnswers(cell, base)) {
    requireOutput(base);
    return { head: undefined, isDrawn: false, notes: unreadHead(cell) };
  }
  if (task.kind === 'text') {
    throw new UsageError(
      `${id} is an encoder (${base.family}) and writes no text, which ${task.name} asks for; ` +
        `give a decoder or an encoder-decoder.`,
    );
  }
  const fresh = drawHead(cell, base, task.classes?.length ?? 1);
  const drawn =
    base.headLayers && architecture.kind !== 'decoder'
      ? beginLayers(fresh, architecture, base.headLayers)
      : fresh;
  const brought = start && headOfTensors(start.adapter.headName ?? 'huggingface', start.adapter.head);
  const adapterHead = brought && completeHead(brought, base.head ?? base.headLayers);
  const stored = adapterHead ?? base.head;
  if (!stored) {
    const notes = start ? [`${start.path} brings no head: a new one is drawn.`] : [];
    return { head: drawn, isDrawn: true, notes };
  }
  const begun = beginHead(drawn, stored, architecture, task.classes, (name) => base.tensor(name));
  if (adapterHead) {
    if ('head' in begun) return { head: begun.head, isDrawn: false, notes: [] };
    throw new UsageError(`The head of ${start.path} cannot be used for ${task.name}: ${begun.why}.`);
  }
  if ('head' in begun) {
    const notes = [`${task.name} begins with the head of the checkpoint of ${id}.`];
    return { head: begun.head, headFrom: 'checkpoint', isDrawn: false, notes };
  }
  const why = `The head of the checkpoint of ${id} is not used for ${task.name}: ${begun.why}.`;
  return { head: drawn, isDrawn: true, notes: [`${why} A new one is drawn.`] };
}

/** Whether a base writes the answers to a task: encoders never do, others write classes unless by protocol. */
const writesAnswers = ({ task, protocol }: Cell, { architecture }: BaseModel): boolean =>
  architecture.kind !== 'encoder' && (task.kind === 'text' || !protocol.hasClassifiers);

/** Says that the head of a starting adapter serves nothing where the base writes. */
function unreadHead({ start, task }: Cell): string[] {
  if (!start || Object.keys(start.adapter.head).length === 0) return [];
  const remedy = task.kind === 'label' ? '; --protocol huggingface begins with it' : '';
  return [`The head of ${start.path} is not used: the base writes its answers${remedy}.`];
}

/** A new head as the recipe has it, with an output for each class or one for a value. */
function drawHead({ recipe }: Cell, base: BaseModel, outputs: number): Head {
  const { headDropout, headLearningRate, learningRate } = recipe;
  if (base.architecture.kind !== 'encoder' && recipe.head !== 'huggingface')
    throw new UsageError(
      `head=${recipe.head}: ${base.id} is no encoder, so that --protocol huggingface puts transformers' own head ` +
        'on it alone; leave the setting out.',
    );
  return makeHead(base, recipe.head, outputs, {
    dropout: headDropout,
    ...(headLearningRate !== undefined && { learningRate: headLearningRate / learningRate }),
  });
}
