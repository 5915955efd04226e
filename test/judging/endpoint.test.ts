// A judge's endpoint and its faults, on a server of the test's own.
import { onTestFinished, expect, test, vi } from 'vitest';
import { CallFailed, JudgeEndpoint, type EndpointOptions } from '../../harness/judging/endpoint.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { complete, startJudge, type Answer } from './judge-server.ts';

const key = 'sk-secret-of-the-test';
const messages = [{ role: 'user', content: 'Who?' }] as const;

async function endpointOf(answer: Answer, options: Partial<EndpointOptions> = {}) {
  vi.stubEnv('OPENAI_API_KEY', key);
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await startJudge(answer);
  const notes: string[] = [];
  const onNote = (text: string) => void notes.push(text);
  const endpoint = new JudgeEndpoint({ url: server.url, model: 'tiny', firstPause: 1, onNote, ...options });
  return { ...server, notes, reply: () => endpoint.reply(messages, 100) };
}

async function failure(reply: () => Promise<unknown>): Promise<Error> {
  const error: unknown = await reply().then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  expect(error.message).not.toContain(key);
  expect(error.message).not.toContain('\n');
  return error;
}

test('a call is asked at temperature 0, with the key, below the address', async () => {
  const { calls, reply } = await endpointOf((_, response) => {
    complete(response, 'It is A.');
  });
  expect(await reply()).toEqual({ text: 'It is A.', promptTokens: 10, replyTokens: 2 });
  const body = { model: 'tiny', messages, temperature: 0, max_tokens: 100 };
  expect(calls).toEqual([{ path: '/v1/chat/completions', key: `Bearer ${key}`, body }]);
});

test.each<[string, Answer]>([
  ['429', (_, response) => response.writeHead(429, { 'retry-after': '0' }).end('{}')],
  ['500', (_, response) => response.writeHead(500).end('<html>')],
  [
    'a cut answer',
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"choices": [');
      response.destroy();
    },
  ],
  ['a closed connection', (_, response) => response.destroy()],
  ['nonsense', (_, response) => response.end('I am no JSON')],
  ['other JSON', (_, response) => response.end('{"choices": []}')],
])('%s is asked again until an answer comes', async (_, fault) => {
  const { calls, reply } = await endpointOf((call, response, number) => {
    if (number < 3) return fault(call, response, number);
    complete(response, 'B');
    return undefined;
  });
  expect((await reply()).text).toBe('B');
  expect(calls).toHaveLength(4);
});

test('what never answers fails after nine attempts', async () => {
  const { calls, reply } = await endpointOf((_, response) => response.writeHead(503).end());
  expect(await failure(reply)).toBeInstanceOf(CallFailed);
  expect(calls).toHaveLength(9);
});

test('silence counts as broken off, a slow answer does not', async () => {
  const { calls, reply } = await endpointOf(
    async (_, response, number) => {
      if (number === 0) return;
      response.write(' ');
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        response.write(' ');
      }
      response.end(JSON.stringify({ choices: [{ message: { content: 'slow' } }] }));
    },
    { silence: 1000 },
  );
  expect(await reply()).toEqual({ text: 'slow', promptTokens: undefined, replyTokens: undefined });
  // On a machine that stands still for a second a slow answer is broken off and asked for again.
  expect(calls.length).toBeGreaterThanOrEqual(2);
});

test('Retry-After is kept to, and a longer one than ten minutes ends the call', async () => {
  const { notes, reply } = await endpointOf((_, response, number) =>
    number === 0
      ? response.writeHead(429, { 'retry-after': '1' }).end()
      : response.writeHead(429, { 'retry-after': '3600' }).end(),
  );
  const start = performance.now();
  expect((await failure(reply)).message).toMatch(/answers 429 and asks to wait 3600 s$/);
  expect(performance.now() - start).toBeGreaterThan(990);
  expect(notes).toEqual([expect.stringMatching(/answers 429 and asks to wait 1 s; asking again then\.$/)]);
});

test('an answer without end is not read to its end', async () => {
  const { reply } = await endpointOf((_, response) => {
    const more = (): void => {
      while (response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  });
  const error = await failure(reply);
  expect(error).toBeInstanceOf(CallFailed);
  expect(error.message).toMatch(/more than 4 MB/);
});

test.each<[number, RegExp]>([
  [401, /answers 401: no … here; check the key in OPENAI_API_KEY and the model tiny\.$/],
  [403, /answers 403: .*check the key/],
  [404, /answers 404: .*check the address and the model tiny\.$/],
  [307, /redirects \(307\); give the address that it leads to\.$/],
])('%i refuses every call, and the message shows no key', async (status, message) => {
  const { calls, reply } = await endpointOf((_, response) =>
    response
      .writeHead(status, { location: 'http://127.0.0.1:9/' })
      .end(JSON.stringify({ error: { message: `no\n${key}\nhere` } })),
  );
  const error = await failure(reply);
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toMatch(message);
  expect(calls).toHaveLength(1);
});

test('a refused prompt and a reply without text fail alone', async () => {
  const refused = await endpointOf((_, response) => response.writeHead(400).end('{"error": "too long"}'));
  expect(await failure(refused.reply)).toMatchObject({
    name: 'CallFailed',
    message: /answers 400: too long$/,
  });
  const silent = await endpointOf((_, response) => {
    complete(response, null);
  });
  expect(await failure(silent.reply)).toMatchObject({ name: 'CallFailed' });
  expect(silent.calls).toHaveLength(1);
});

test('an abort ends a call at once', async () => {
  const controller = new AbortController();
  const { reply } = await endpointOf(
    () => {
      controller.abort(new Error('stopped'));
    },
    { signal: controller.signal },
  );
  expect((await failure(reply)).message).toBe('stopped');
});

test.each([
  ['https://user:pass@host/v1', /^--judge https:\/\/host\/v1 holds a user/],
  ['https://host/v1?key=secret', /^--judge https:\/\/host\/v1 holds/],
  ['gpt-4', /^--judge gpt-4: it can be the http\(s\) address/],
  ['ftp://host', /it can be the http\(s\) address/],
])('the address %s is refused', (url, message) => {
  expect(() => new JudgeEndpoint({ url, model: 'tiny' })).toThrow(message);
});

test('a key that no header takes is refused without being shown', () => {
  vi.stubEnv('OPENAI_API_KEY', 'sk-\u0001x');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(() => new JudgeEndpoint({ url: 'http://h/v1', model: 'tiny' })).toThrow(/^OPENAI_API_KEY holds/);
});
