// A Hugging Face hub on loopback with faults on demand; used by the tests of downloads.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface TestRepo {
  readonly type: 'model' | 'dataset' | 'space';
  readonly name: string;
  /** Files of each revision, by path. */
  readonly revisions: Readonly<Record<string, Readonly<Record<string, Buffer>>>>;
  /** Token that a request must carry to see the repository. */
  readonly token?: string;
}

/** A hub on loopback; tests set its faults at any time. */
export interface TestHub {
  readonly url: string;
  /** One entry per request for a file, such as `GET /path bytes=5-`. */
  readonly downloads: string[];
  /** One `/path` per request of any kind. */
  readonly requests: string[];
  /** Authorization header of each request, '' for none. */
  readonly authorizations: string[];
  /** Breaks `times` connections after `after` bytes of a file. */
  cut: { after: number; times: number };
  /** Number of bytes of a file after which the server stalls with the connection open. */
  stallAfter: number | undefined;
  /** Whether files have wrong bytes. */
  corrupt: boolean;
  /** Whether range requests get the whole file, as from some servers. */
  ignoreRanges: boolean;
  /** Server to which downloads are redirected, as the hub does with large files. */
  redirectTo: string | undefined;
  /** Status of every answer. */
  status: number | undefined;
  /** Gets each request first; returns true where it has answered. */
  intercept: ((request: IncomingMessage, response: ServerResponse, url: URL) => boolean) | undefined;
  close(): Promise<void>;
}

const digest = (algorithm: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest('hex');

/** True for files that the hub lists with a sha256; it lists small ones with git's hash only. */
const isLarge = (path: string) => /\.(safetensors|parquet)$/.test(path);

/** Starts a hub with these repositories; it stops when the test ends. */
export async function startHub(...repos: TestRepo[]): Promise<TestHub> {
  const server = createServer((request, response) => {
    answer(hub, repos, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
  const hub: TestHub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    downloads: [],
    requests: [],
    authorizations: [],
    cut: { after: 0, times: 0 },
    stallAfter: undefined,
    corrupt: false,
    ignoreRanges: false,
    redirectTo: undefined,
    status: undefined,
    intercept: undefined,
    close,
  };
  onTestFinished(close);
  return hub;
}

function answer(
  hub: TestHub,
  repos: readonly TestRepo[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url!, hub.url);
  hub.requests.push(url.pathname);
  hub.authorizations.push(request.headers.authorization ?? '');
  const json = (value: unknown, headers = {}) =>
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  const refuse = (status: number, code: string) =>
    response.writeHead(status, { 'x-error-code': code }).end(code);
  if (hub.intercept?.(request, response, url)) return;
  if (hub.status !== undefined) return void refuse(hub.status, 'Broken');

  const api = /^\/api\/(model|dataset|space)s\/(.+?)\/(revision|tree)\/([^/]+)$/.exec(url.pathname);
  const file = /^\/(?:(dataset|space)s\/)?(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
  const type = (api ?? file)?.[1] ?? 'model';
  const name = (api ?? file)?.[2];
  const repo = repos.find((each) => each.type === type && each.name === name);
  if (!repo) return void refuse(request.headers.authorization ? 404 : 401, 'RepoNotFound');
  if (repo.token !== undefined && request.headers.authorization !== `Bearer ${repo.token}`) {
    return void refuse(request.headers.authorization ? 403 : 401, 'GatedRepo');
  }
  const revision = decodeURIComponent(api ? api[4]! : file![3]!);
  const found = Object.entries(repo.revisions).find(
    ([key]) => key === revision || commitOf(key) === revision,
  );
  if (!found) return void refuse(404, 'RevisionNotFound');
  const [key, files] = found;
  if (api?.[3] === 'revision') return void json({ _id: '1', id: name, sha: commitOf(key) });
  if (api) {
    // A page has one entry, so that every test covers paging.
    const entries = Object.entries(files).map(([path, content]) => entryOf(path, content));
    const page = Number(url.searchParams.get('cursor') ?? 0);
    url.searchParams.set('cursor', String(page + 1));
    const link = page + 1 < entries.length ? { link: `<${url.href}>; rel="next"` } : {};
    return void json(entries.slice(page, page + 1), link);
  }
  const path = decodeURIComponent(file![4]!);
  const content = files[path];
  if (!content) return void refuse(404, 'EntryNotFound');
  if (hub.redirectTo !== undefined) {
    return void response.writeHead(302, { location: hub.redirectTo + request.url! }).end();
  }
  hub.downloads.push(`${path} ${request.headers.range ?? 'whole'}`);
  send(hub, content, request.headers.range, response);
}

function send(hub: TestHub, content: Buffer, range: string | undefined, response: ServerResponse): void {
  const from = hub.ignoreRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const body = Buffer.from(content.subarray(from));
  if (hub.corrupt && body.length > 0) body[body.length - 1]! ^= 1;
  const partial = from > 0 && { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` };
  response.writeHead(partial ? 206 : 200, { 'content-length': body.length, ...partial });
  if (hub.cut.times > 0 && body.length > hub.cut.after) {
    hub.cut.times--;
    response.write(body.subarray(0, hub.cut.after), () => response.destroy());
  } else if (hub.stallAfter !== undefined && body.length > hub.stallAfter) {
    response.write(body.subarray(0, hub.stallAfter));
  } else {
    response.end(body);
  }
}

/** Derives a revision's commit from its name. */
export function commitOf(revision: string): string {
  return digest('sha1', revision);
}

function entryOf(path: string, content: Buffer): object {
  const size = content.length;
  return {
    type: 'file',
    path,
    size,
    oid: digest('sha1', `blob ${size}\0`, content),
    ...(isLarge(path) && { lfs: { oid: digest('sha256', content), size, pointerSize: 134 } }),
  };
}
