/** Combines several methods into one, such as `lora+red`. */
import { concat } from '../../engine/ops.ts';
import type { Edits, Tensors } from '../edits.ts';
import { addPrefix, takePrefix } from '../../support/prefixed-names.ts';
import type { Delta } from '../method.ts';

/** A method with the name that prefixes its tensors. */
export interface NamedDelta {
  readonly name: string;
  readonly delta: Delta;
}

/**
 * Makes one method of several. At every site edits apply from left to right, so a later edit sees the result
 * of an earlier one; prompts and prefixes are concatenated, penalties added, and tensors get the prefix
 * `<method>.`. `unfreezes` throws RangeError for a tensor of the base that two methods train.
 */
export function composeDeltas(parts: readonly NamedDelta[]): Delta {
  const merged = (field: 'trained' | 'frozen' | 'derived' | 'state'): Delta['trained'] =>
    Object.assign(
      {},
      ...parts.map(({ name, delta }) => addPrefix(`${name}.`, delta[field] ?? {})),
    ) as Delta['trained'];
  const total = (field: 'promptLength' | 'prefixLength'): number =>
    parts.reduce((sum, { delta }) => sum + (delta[field] ?? 0), 0);
  const penalties = parts.filter(({ delta }) => delta.penalty);
  const updates = parts.filter(({ delta }) => delta.update);
  return {
    trained: merged('trained'),
    frozen: merged('frozen'),
    derived: merged('derived'),
    state: merged('state'),
    promptLength: total('promptLength'),
    prefixLength: total('prefixLength'),
    ...(parts.some(({ delta }) => delta.readsPrompt) && { readsPrompt: true }),
    edited: new Set(parts.flatMap(({ delta }) => [...(delta.edited ?? [])])),
    unfreezes: (tensor, owner) => {
      const takers = parts.filter(({ delta }) => delta.unfreezes?.(tensor, owner));
      if (takers.length > 1) {
        throw new RangeError(`${takers.map(({ name }) => name).join(' and ')} both train ${tensor}`);
      }
      return takers.length === 1;
    },
    edits: (x, context) =>
      composeEdits(parts.map(({ name, delta }) => delta.edits?.(own(name, x), context) ?? {})),
    ...(penalties.length > 0 && {
      penalty: (x) =>
        penalties.map(({ name, delta }) => delta.penalty!(own(name, x))).reduce((a, b) => a.add(b)),
    }),
    ...(updates.length > 0 && {
      update: (x, gradients, progress) =>
        Object.assign(
          {},
          ...updates.map(({ name, delta }) => {
            const changed = delta.update!(own(name, x), own(name, gradients), progress);
            return renameOwn({ name, delta }, changed);
          }),
        ) as Tensors,
    }),
    putsBack: (tensor, x) =>
      parts.some(
        ({ name, delta }) =>
          tensor.startsWith(`${name}.`) && delta.putsBack?.(tensor.slice(name.length + 1), own(name, x)),
      ),
    ...(parts.every(({ delta }) => delta.merge) && {
      merge(x) {
        const edits = parts.map(({ name, delta }) => delta.merge!(own(name, x)));
        return (site) => edits.flatMap((of) => of(site));
      },
      mergeTensor(x) {
        const edits = parts.flatMap(({ name, delta }) => delta.mergeTensor?.(own(name, x)) ?? []);
        return (name, value) => edits.reduce((made, edit) => edit(name, made), value);
      },
    }),
  };
}

/** A method's view of the tensors: its own under the names that it gave them, and the base's. */
function own<T>(name: string, x: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return { ...x, ...takePrefix(`${name}.`, x) };
}

/** The inverse of `own` for tensors that a method replaces: its own get its prefix, the base's keep their names. */
function renameOwn({ name, delta }: NamedDelta, tensors: Tensors): Tensors {
  const isOwn = (key: string): boolean => key in delta.trained || key in (delta.state ?? {});
  return Object.fromEntries(
    Object.entries(tensors).map(([key, tensor]) => [isOwn(key) ? `${name}.${key}` : key, tensor]),
  );
}

/** Makes the edits of several methods one; at every site they apply in their order. */
export function composeEdits(all: readonly Edits[]): Edits {
  const acting = <K extends keyof Edits>(key: K): NonNullable<Edits[K]>[] =>
    all.map((edits) => edits[key]).filter((edit) => edit !== undefined);
  return {
    linear(site, module) {
      const edits = acting('linear')
        .map((edit) => edit(site, module))
        .filter((edit) => edit !== undefined);
      return edits.length === 0
        ? undefined
        : {
            input: (x) => edits.reduce((value, edit) => edit.input?.(value) ?? value, x),
            output: (y, x) => edits.reduce((value, edit) => edit.output?.(value, x) ?? value, y),
          };
    },
    tensor: (name, value) => acting('tensor').reduce((made, edit) => edit(name, made) ?? made, value),
    embedding(site, table) {
      const edits = acting('embedding')
        .map((edit) => edit(site, table))
        .filter((edit) => edit !== undefined);
      return edits.length === 0
        ? undefined
        : (rows, ids) => edits.reduce((value, edit) => edit(value, ids), rows);
    },
    sublayer(site) {
      const edits = acting('sublayer')
        .map((edit) => edit(site))
        .filter((edit) => edit !== undefined);
      return edits.length === 0
        ? undefined
        : { output: (y, x) => edits.reduce((value, edit) => edit.output?.(value, x) ?? value, y) };
    },
    norm: (y, site) => acting('norm').reduce((value, edit) => edit(value, site), y),
    block: (h, site) => acting('block').reduce((value, edit) => edit(value, site), h),
    prompt(stack) {
      const prompts = acting('prompt')
        .map((edit) => edit(stack))
        .filter((prompt) => prompt !== undefined);
      return prompts.length === 0 ? undefined : prompts.reduce((a, b) => concat([a, b], 0));
    },
    prefix(site) {
      const prefixes = acting('prefix')
        .map((edit) => edit(site))
        .filter((prefix) => prefix !== undefined);
      return prefixes.length === 0
        ? undefined
        : prefixes.reduce((a, b) => ({
            key: concat([a.key, b.key], 0),
            value: concat([a.value, b.value], 0),
          }));
    },
  };
}
