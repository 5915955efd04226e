/** Token ids with which part of the input each belongs to. */
export interface TypedTokens {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** Puts the special tokens of a tokenizer around the tokens of a text, or of a pair of them. */
export type Template = (texts: readonly (readonly number[])[]) => TypedTokens;

/** Tokens with the number of the text that each comes from; null for special tokens. */
export interface FramedTokens extends TypedTokens {
  readonly texts: readonly (number | null)[];
}

/** What stands before each text and at the end, with its types, and the type of each text. */
interface Frame {
  readonly around: readonly TypedTokens[];
  readonly types: readonly number[];
}

/**
 * The template of a tokenizer, read off what it makes of one and of two texts that have tokens: `encode` gives those with their
 * special tokens. Throws RangeError where a text is left out or torn.
 */
export function templateOf(encode: (count: 1 | 2) => FramedTokens): Template {
  const frames = [frameOf(encode(1), 1), frameOf(encode(2), 2)];
  return (texts) => {
    const { around, types } = frames[texts.length - 1]!;
    const parts = around.flatMap((special, i) => {
      const text = texts[i];
      return text ? [special, { ids: text, types: text.map(() => types[i]!) }] : [special];
    });
    return { ids: parts.flatMap((part) => part.ids), types: parts.flatMap((part) => part.types) };
  };
}

function frameOf({ ids, types, texts }: FramedTokens, count: number): Frame {
  const around: TypedTokens[] = [];
  const typesOfTexts: number[] = [];
  let from = 0;
  for (let text = 0; text < count; text++) {
    const start = texts.indexOf(text);
    const end = texts.lastIndexOf(text) + 1;
    if (start < from || texts.slice(start, end).some((other) => other !== text))
      throw new RangeError('its post-processor leaves a text out, tears it or changes the order');
    around.push({ ids: ids.slice(from, start), types: types.slice(from, start) });
    typesOfTexts.push(types[start]!);
    from = end;
  }
  around.push({ ids: ids.slice(from), types: types.slice(from) });
  return { around, types: typesOfTexts };
}
