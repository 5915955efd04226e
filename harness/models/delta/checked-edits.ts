/**
 * Checks what a method's edits give while a program is built, since the method may be the user's own: an edit that
 * throws or changes a shape is an error that names the method and the place. attach-method.ts wraps the methods of
 * runs with it.
 */
import { messageOf } from '../../support/errors.ts';
import type { Edits, Tensor } from '../edits.ts';
import type { Delta } from '../method.ts';

/** A method whose edits are checked. */
export function withCheckedEdits(method: string, delta: Delta): Delta {
  if (!delta.edits) return delta;
  return {
    ...delta,
    edits: (x, context) =>
      checkEdits(
        method,
        named(method, 'its edits', () => delta.edits!(x, context)),
      ),
  };
}

function checkEdits(method: string, edits: Edits): Edits {
  const keepsShape = (place: string, given: Tensor, edit: () => Tensor): Tensor => {
    const made = named(method, place, edit) as Tensor | undefined;
    if (made?.shape.join() !== given.shape.join()) {
      const shape = made ? `[${made.shape.join(', ')}]` : 'nothing';
      throw new Error(
        `The method ${method} gives ${shape} at ${place}, where an edit keeps the shape [${given.shape.join(', ')}]`,
      );
    }
    return made;
  };
  const { tensor, linear, embedding, sublayer, norm, block } = edits;
  return {
    ...edits,
    ...(tensor && {
      tensor(name, value) {
        const made = named(method, name, () => tensor(name, value));
        return made && keepsShape(name, value, () => made);
      },
    }),
    ...(linear && {
      linear(site, module) {
        const edit = named(method, site.name, () => linear(site, module));
        if (!edit) return undefined;
        return {
          ...(edit.input && {
            input: (x) => keepsShape(`the input of ${site.name}`, x, () => edit.input!(x)),
          }),
          ...(edit.output && { output: (y, x) => keepsShape(site.name, y, () => edit.output!(y, x)) }),
        };
      },
    }),
    ...(embedding && {
      embedding(site, table) {
        const edit = named(method, site.name, () => embedding(site, table));
        return edit && ((rows, ids) => keepsShape(site.name, rows, () => edit(rows, ids)));
      },
    }),
    ...(sublayer && {
      sublayer(site) {
        const edit = named(method, site.name, () => sublayer(site));
        if (!edit?.output) return edit;
        return { output: (y, x) => keepsShape(site.name, y, () => edit.output!(y, x)) };
      },
    }),
    ...(norm && { norm: (y, site) => keepsShape(site.name, y, () => norm(y, site)) }),
    ...(block && { block: (h, site) => keepsShape(site.name, h, () => block(h, site)) }),
  };
}

/** Does what `act` does; its error names the method and the place. */
function named<T>(method: string, place: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`The method ${method} fails at ${place}: ${messageOf(error)}`, { cause: error });
  }
}
