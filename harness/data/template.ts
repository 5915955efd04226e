/** Token ids with which part of the input each belongs to. */
export interface TypedTokens {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Puts the special tokens of a tokenizer around the tokens of a text, or of a pair of them. */
export type Template = (texts: readonly (readonly number[])[]) => TypedTokens;

/** What stands before each text and at the end, with its types, and the type of each text. */
interface Frame {
  readonly around: readonly TypedTokens[];
  readonly types: readonly number[];
}

/**
 * The template of a tokenizer, read off what it makes of short texts: `encode` gives the tokens of one or two texts with
 * their special tokens, `bare` those of one without.
 */
export function templateOf(
  encode: (texts: readonly string[]) => TypedTokens,
  bare: (text: string) => number[],
): Template {
  const frames = [1, 2].map((count): Frame => {
    const texts = ['a', 'b'].slice(0, count);
    const whole = encode(texts);
    const around: TypedTokens[] = [];
    const types: number[] = [];
    let from = 0;
    for (const text of texts) {
      const own = bare(text);
      const start = whole.ids.findIndex((_, i) => i >= from && own.every((id, k) => whole.ids[i + k] === id));
      // Where the tokenizer knows no pairs, the second text follows the first.
      const before = start < 0 ? from : start;
      around.push({ ids: whole.ids.slice(from, before), types: whole.types.slice(from, before) });
      types.push(whole.types[start] ?? 0);
      from = start < 0 ? from : start + own.length;
    }
    around.push({ ids: whole.ids.slice(from), types: whole.types.slice(from) });
    return { around, types };
  });
  return (texts) => {
    const { around, types } = frames[texts.length - 1]!;
    const parts = around.flatMap((special, i) => {
      const text = texts[i];
      return text ? [special, { ids: text, types: text.map(() => types[i]!) }] : [special];
    });
    return { ids: parts.flatMap((part) => part.ids), types: parts.flatMap((part) => part.types) };
  };
}
