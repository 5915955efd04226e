// The time that progress tells, by documents or by a share of the work that is not that of documents.
import { afterEach, expect, test, vi } from 'vitest';
import { Timer } from '../../harness/cli/terminal/progress.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a phase of nothing has no time left', () => {
  const nothing = { done: 0, total: 0 };
  expect(new Timer({ phase: 'MB', detail: 'config.json', ...nothing }).left(nothing)).toBe('');
});

test.each([
  ['documents', undefined, undefined, '4 min left'],
  ['the share of tokens', 0, 0.25, '3 min left'],
  ['the share of tokens since it began', 0.4, 0.6, '2 min left'],
])('by %s', (_, first, share, left) => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const counted = { done: 0, total: 5 };
  const timer = new Timer({
    phase: 'documents',
    detail: '',
    ...counted,
    ...(first !== undefined && { share: first }),
  });
  expect(timer.left({ ...counted, ...(first !== undefined && { share: first }) })).toBe('');
  vi.advanceTimersByTime(60_000);
  expect(timer.left({ done: 1, total: 5, ...(share !== undefined && { share }) })).toBe(left);
});
