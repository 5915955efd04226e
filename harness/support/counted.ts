/** Numbers of things in messages. */

/** `1 run`, `2 runs`: a number and its noun, whose plural ends in s. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
