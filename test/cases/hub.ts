// A repository on a loopback hub, and its refusals; used by the regression tests of downloads.
import { onTestFinished, vi } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { fetchFromHub, type HubRequest } from '../../harness/data/hub/hub.ts';
import { startHub, type TestHub, type TestRepo } from '../data/hub/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';

export const weights = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
export const model: TestRepo = {
  type: 'model',
  name: 'acme/tiny',
  revisions: { main: { 'config.json': Buffer.from('{}'), 'model.safetensors': weights } },
};
export const wanted: HubRequest = { repo: 'acme/tiny', type: 'model' };

/** Starts a hub that the environment names until the test ends; `home` is its empty cache. */
export async function hubOf(...repos: TestRepo[]): Promise<TestHub & { readonly home: string }> {
  const [hub, home] = [await startHub(...repos), await temporaryFolder()];
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_TOKEN', undefined);
  vi.stubEnv('HF_ENDPOINT', hub.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  return Object.assign(hub, { home });
}

/** Gives the message with which a request is refused. */
export async function refusal(request: HubRequest): Promise<string> {
  const error: unknown = await fetchFromHub(request).then(
    () => new Error('it was not refused'),
    (e: unknown) => e,
  );
  if (!(error instanceof UsageError) || error.message.includes('\n')) throw error;
  return error.message;
}
