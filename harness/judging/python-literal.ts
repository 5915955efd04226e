/** Reads Python literals as `ast.literal_eval` does, as far as judges write them; alpaca-eval.ts uses it. */

/** A literal's value: dictionaries are maps from keys to values, tuples are lists. */
export type PythonValue = string | number | boolean | null | readonly PythonValue[] | PythonDictionary;
export interface PythonDictionary {
  readonly entries: ReadonlyMap<unknown, PythonValue>;
}

/** Whether a value is a dictionary. */
export function isDictionary(value: PythonValue | undefined): value is PythonDictionary {
  return typeof value === 'object' && value !== null && 'entries' in value && value.entries instanceof Map;
}

/** Whether a value is a list or a tuple. */
export function isList(value: PythonValue): value is readonly PythonValue[] {
  return Array.isArray(value);
}

/** Reads a text as one literal; undefined where Python would refuse it. */
export function pythonLiteral(text: string): PythonValue | undefined {
  try {
    return new Reader(text.replace(/^[ \t]+/, '')).whole();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const names: ReadonlyMap<string, boolean | null> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
]);
/** Whole numbers to other bases, and decimal numbers; underscores may stand between digits. */
const whole = /0(?:[xX](?:_?[\da-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)/y;
const decimal = /(?:\d(?:_?\d)*)?\.?(?:\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?/y;
/** Deeper nesting than Python's parser takes. */
const deepest = 200;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): PythonValue {
    this.#space();
    const first = this.#value();
    this.#space();
    // A tuple needs no brackets.
    const value = this.#text[this.#at] === ',' ? [first, ...this.#rest()] : first;
    if (this.#at < this.#text.length) throw new SyntaxError('more than one literal');
    return value;
  }

  #rest(): PythonValue[] {
    const items: PythonValue[] = [];
    while (this.#take(',')) {
      this.#space();
      if (this.#at === this.#text.length) break;
      items.push(this.#value());
      this.#space();
    }
    return items;
  }

  /** Skips white space, comments and joined lines. */
  #space(): void {
    this.#match(/(?:[ \t\n\r\f]|\\\n|#[^\n]*)*/y);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(sign: string): boolean {
    if (!this.#text.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #value(): PythonValue {
    if (++this.#depth > deepest) throw new SyntaxError('too deep');
    const value = this.#bare();
    this.#depth--;
    return value;
  }

  #bare(): PythonValue {
    if (this.#take('[')) return this.#items(']');
    if (this.#take('(')) return this.#parentheses();
    if (this.#take('{')) return this.#dictionary();
    const prefix = this.#match(/(?:[rRuU]?)(?=['"])/y);
    if (prefix !== undefined) return this.#strings(prefix);
    const name = this.#match(/[A-Za-z_]\w*/y);
    if (name !== undefined) {
      const value = names.get(name);
      if (value === undefined) throw new SyntaxError(`the name ${name}`);
      return value;
    }
    return this.#number();
  }

  #items(close: string): PythonValue[] {
    const items: PythonValue[] = [];
    for (;;) {
      this.#space();
      if (this.#take(close)) return items;
      items.push(this.#value());
      this.#space();
      if (this.#take(close)) return items;
      if (!this.#take(',')) throw new SyntaxError(`no ${close}`);
    }
  }

  /** A tuple, or a value in parentheses. */
  #parentheses(): PythonValue {
    const start = this.#at;
    const items = this.#items(')');
    const isTuple = items.length !== 1 || /,\s*\)$/.test(this.#text.slice(start, this.#at));
    return isTuple ? items : items[0]!;
  }

  #dictionary(): PythonDictionary {
    const entries = new Map<unknown, PythonValue>();
    for (;;) {
      this.#space();
      if (this.#take('}')) return { entries };
      const key = this.#value();
      if (typeof key === 'object' && key !== null) throw new SyntaxError('a key that cannot be one here');
      this.#space();
      if (!this.#take(':')) throw new SyntaxError('no value');
      this.#space();
      entries.set(key, this.#value());
      this.#space();
      if (this.#take('}')) return { entries };
      if (!this.#take(',')) throw new SyntaxError('no }');
    }
  }

  /** One string, or several beside each other, which are one. */
  #strings(first: string): string {
    let text = this.#string(first);
    for (;;) {
      this.#space();
      const prefix = this.#match(/(?:[rRuU]?)(?=['"])/y);
      if (prefix === undefined) return text;
      text += this.#string(prefix);
    }
  }

  #string(prefix: string): string {
    const quote = this.#match(/'''|"""|'|"/y)!;
    const isRaw = /r/i.test(prefix);
    let text = '';
    for (;;) {
      const sign = this.#text[this.#at];
      if (sign === undefined) throw new SyntaxError('an open string');
      if (this.#take(quote)) return text;
      if (sign === '\n' && quote.length === 1) throw new SyntaxError('a line break in a string');
      this.#at++;
      text += sign === '\\' ? this.#escape(isRaw) : sign;
    }
  }

  #escape(isRaw: boolean): string {
    const sign = this.#text[this.#at];
    if (sign === undefined) throw new SyntaxError('an open string');
    if (isRaw) {
      this.#at++;
      return `\\${sign}`;
    }
    const code = this.#match(/x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|[0-7]{1,3}/y);
    if (code !== undefined) {
      const value = /^\d/.test(code) ? Number.parseInt(code, 8) : Number.parseInt(code.slice(1), 16);
      if (value > 0x10ffff) throw new SyntaxError('no such character');
      return String.fromCodePoint(value);
    }
    if (/[xuUN]/.test(sign)) throw new SyntaxError('a broken escape');
    this.#at++;
    return escapes[sign] ?? `\\${sign}`;
  }

  #number(): number {
    const sign = this.#match(/[+-][ \t]*/y)?.[0];
    const digits = this.#match(whole) ?? this.#match(decimal);
    const plain = (digits ?? '').replaceAll('_', '');
    const isNumber = /\d/.test(plain) && !/^0\d*[1-9]\d*$/.test(plain) && !/^[eE]/.test(plain);
    if (!isNumber || this.#match(/\w/y) !== undefined) throw new SyntaxError('no literal');
    return sign === '-' ? -Number(plain) : Number(plain);
  }
}
