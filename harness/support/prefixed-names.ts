/** Entries whose names share a prefix, such as the tensors of one kind in a program's state. */

/** Gives the entries with `prefix` before each name. */
export const addPrefix = <T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).map(([name, entry]) => [prefix + name, entry]));

/** Gives the entries whose names begin with `prefix`, without it. */
export const takePrefix = <T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, entry]) => [name.slice(prefix.length), entry]),
  );
