// A judge behind a real server: `transformers serve` with SmolLM2 on loopback.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa, execaSync } from 'execa';
import { expect, onTestFinished, test, vi } from 'vitest';
import { JudgeEndpoint } from '../../harness/judging/endpoint.ts';

const python = process.env.DELTABENCH_PYTHON ?? '';
const base = join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct');
const imports = ['-c', 'import fastapi, uvicorn, transformers.cli.serve'];
const canServe =
  python !== '' && existsSync(base) && execaSync(python, imports, { reject: false }).exitCode === 0;

/** A port that is free now. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(port);
}

test.skipIf(!canServe)(
  'transformers serve judges (DELTABENCH_PYTHON with fastapi and uvicorn, DELTABENCH_BASES)',
  async () => {
    const port = await freePort();
    const serve = ['-m', 'transformers.cli.transformers', 'serve', base, '--port', port, '--device', 'cpu'];
    const server = execa(python, serve, { reject: false, env: { HF_HUB_OFFLINE: '1' } });
    onTestFinished(async () => {
      server.kill('SIGKILL');
      await server;
    });
    const url = `http://127.0.0.1:${port}`;
    const isUp = (): Promise<boolean> =>
      fetch(`${url}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isUp())) {
      if (server.exitCode !== null) throw new Error((await server).stderr);
      await sleep(200);
    }
    vi.stubEnv('OPENAI_API_KEY', 'unused');
    onTestFinished(() => void vi.unstubAllEnvs());
    const messages = [
      { role: 'system', content: 'You rate answers from 1 to 10.' },
      { role: 'user', content: 'Question: 1 + 1? Answer: 2. Say "Rating: [[10]]".' },
    ] as const;
    const judge = new JudgeEndpoint({ url: `${url}/v1`, model: base });
    const [first, again] = [await judge.reply(messages, 16), await judge.reply(messages, 16)];
    expect(first.text.trim()).not.toBe('');
    expect(again.text).toBe(first.text);
    expect(first.promptTokens).toBeGreaterThan(20);
    expect(first.replyTokens).toBeLessThanOrEqual(16);
    const other = new JudgeEndpoint({ url: `${url}/v1`, model: 'no/such-model', firstPause: 1 });
    await expect(other.reply(messages, 16)).rejects.toThrow(/answers 4\d\d: .*no\/such-model/);
  },
);
