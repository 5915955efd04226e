// A judge on loopback, as an OpenAI-compatible endpoint, whose answers a test chooses call by call.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

interface Call {
  readonly path: string;
  readonly key: string | undefined;
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly temperature: number;
    readonly max_tokens: number;
  };
}

/** Answers a call; `number` counts the calls from 0. */
export type Answer = (call: Call, response: ServerResponse, number: number) => unknown;

/** Answers with a chat completion. */
export function complete(response: ServerResponse, text: string | null): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }];
  response.end(JSON.stringify({ choices, usage: { prompt_tokens: 10, completion_tokens: 2 } }));
}

/** Starts a judge until the test ends; `calls` holds what it was asked. */
export async function startJudge(answer: Answer): Promise<{ readonly url: string; readonly calls: Call[] }> {
  const calls: Call[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Call['body'];
    const call = { path: request.url!, key: request.headers.authorization, body };
    calls.push(call);
    await answer(call, response, calls.length - 1);
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, calls };
}
