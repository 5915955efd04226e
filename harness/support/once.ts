/** Does asynchronous work once for each key, for data, bases and plans that several cells share. */

/**
 * Returns a function that calls `make` once for each key and gives the same promise for that key from then
 * on.
 */
export function once<Rest extends unknown[], Value>(
  make: (key: string, ...rest: Rest) => Promise<Value>,
): (key: string, ...rest: Rest) => Promise<Value> {
  const made = new Map<string, Promise<Value>>();
  return (key, ...rest) => {
    const value = made.get(key) ?? make(key, ...rest);
    made.set(key, value);
    return value;
  };
}
