/**
 * Opens what a cell is trained and tested on: the tokenizer of its base, and the splits of its task, each
 * once.
 */
import type {
  DataSource,
  Draw,
  LabelledSplits,
  LabelTask,
  Splits,
  TextTask,
} from '../../data/examples/task.ts';
import { holdBack } from '../../data/examples/hold-back.ts';
import { asTextTask } from '../../data/examples/label-as-text.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Head } from '../../models/delta/heads.ts';
import { UsageError } from '../../support/errors.ts';
import type { Recipe } from '../../training/recipe.ts';
import { once } from '../../support/once.ts';
import type { AttachedCell } from './attach-cell.ts';

/** A task that a model answers by generating text. */
export interface TextWork {
  readonly kind: 'text';
  readonly task: TextTask;
  readonly splits: Splits;
  /** The token that ends a generated text. */
  readonly endToken: number;
  readonly draw: Draw;
}

/** A task that a base answers with a head. */
export interface LabelWork {
  readonly kind: 'label';
  readonly task: LabelTask;
  readonly splits: LabelledSplits;
  readonly head: Head;
  readonly draw: Draw;
}

/** Opens the tokenizer of a base; throws UsageError where it has more tokens than the base. */
export async function openTokenizer(base: BaseModel): Promise<Tokenizer> {
  const tokenizer = await base.tokenizer();
  const { vocabulary } = base.architecture;
  if (tokenizer.vocabSize <= vocabulary) return tokenizer;
  throw new UsageError(
    `The tokenizer has ${tokenizer.vocabSize} tokens, ${base.id} knows ${vocabulary}: ` +
      `they do not belong together; give its own with --tokenizer DIR.`,
  );
}

/**
 * Returns a function that opens the data of cells; files are read once, whatever splits are drawn from them.
 */
export function dataOpener(
  fetching: FetchOptions = {},
): (attached: AttachedCell, tokenizer: Tokenizer) => Promise<TextWork | LabelWork> {
  const loadText = once((_: string, task: TextTask, source: DataSource) => task.load(source, fetching));
  const loadLabels = once((_: string, task: LabelTask, source: DataSource) => task.load(source, fetching));
  return async ({ cell, base, head }, tokenizer) => {
    const { task, source, seed, protocol } = cell;
    const draw = { seed, family: base.family, side: protocol.side };
    const key = `${task.name} ${source.kind}`;
    checkTemplate(cell.recipe.template, tokenizer, base.id);
    const text = (written: TextTask, loaded: Splits): TextWork => {
      const splits = written.draw ? written.draw(loaded, draw) : loaded;
      const { validationExamples } = cell.recipe;
      return {
        kind: 'text',
        task: written,
        splits: validationExamples === undefined ? splits : holdBack(splits, validationExamples),
        endToken: endTokenOf(tokenizer, base.id),
        draw,
      };
    };
    if (task.kind === 'text') return text(task, await loadText(key, task, source));
    const load = (): ReturnType<LabelTask['load']> => loadLabels(key, task, source);
    if (head) return { kind: 'label', task, splits: task.draw(await load(), draw), head, draw };
    // Models that write answer classes in words; which examples are written depends on the draw.
    const written = asTextTask({ ...task, load }, draw);
    const drawKey = [key, seed, base.family, protocol.name].join();
    return text(written, await loadText(drawKey, written, source));
  };
}

/** Throws UsageError where a chat template is to write prompts that the tokenizer does not have. */
function checkTemplate(template: Recipe['template'], { chatTemplate }: Tokenizer, model: string): void {
  if (template === 'chat' && chatTemplate === undefined)
    throw new UsageError(
      `template=chat: the tokenizer of ${model} has no chat template (chat_template.jinja, or chat_template in ` +
        'tokenizer_config.json); choose another template, or a base that was tuned for conversations.',
    );
}

function endTokenOf(tokenizer: Tokenizer, model: string): number {
  if (tokenizer.eosId !== undefined) return tokenizer.eosId;
  throw new UsageError(
    `The tokenizer of ${model} names no end-of-text token, so generation could not stop; ` +
      `add eos_token to its tokenizer_config.json.`,
  );
}
