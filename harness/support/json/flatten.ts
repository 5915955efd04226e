/** Nested settings as flat ones, which rows and comparisons of runs name. */

/** Flattens nested fields to `recipe.learningRate`; hashes are cut to eight digits. */
export function flatten(value: object, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, field]: [string, unknown]): [string, string][] => {
    if (typeof field === 'object' && field !== null) return flatten(field, `${prefix}${key}.`);
    if (field === undefined) return [];
    const text = typeof field === 'string' ? field : JSON.stringify(field);
    return [[prefix + key, /^[0-9a-f]{64}$/.test(text) ? text.slice(0, 8) : text]];
  });
}
