// @ts-check
/**
 * The program of the thread that session-thread.ts starts: it opens, runs and releases sessions of
 * onnxruntime. It is JavaScript and imports only JavaScript, since loading TypeScript in the thread would
 * lengthen the first step. A build has to put it beside the built session-thread.js under the same name.
 */
import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { blankTensor, NamedMemory } from './result-memory.js';
import { runInto } from './run-into.js';

/** @import { Message, OpenRequest, ReleaseRequest, Reply, Request } from './session-messages.ts' */
/** @import { Results, RunRequest, SentTensor } from './session-messages.ts' */

/**
 * @typedef {object} OpenSession
 * @property {InferenceSession} session
 * @property {Readonly<Record<string, Tensor>>} frozen
 * @property {ReadonlySet<string>} kept
 */

/** Sessions by their numbers. @type {Map<number, OpenSession>} */
const sessions = new Map();
/** Frozen arrays by the number of their owner and by name. @type {Map<number, Map<string, Tensor>>} */
const owners = new Map();
/** Buffers of the results that never leave this thread. */
const memory = new NamedMemory();

/**
 * Maps the values of a record.
 * @template From, To
 * @param {Readonly<Record<string, From>>} record
 * @param {(value: From, name: string) => To} f
 * @returns {Record<string, To>}
 */
const mapValues = (record, f) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));

/**
 * A tensor over the array that was sent.
 * @param {SentTensor} sent
 */
const tensorOf = ({ type, dims, data }) =>
  new Tensor(/** @type {'float32'} */ (type), /** @type {Float32Array} */ (data), dims);

/**
 * @param {OpenRequest} request
 * @returns {Promise<Results>}
 */
async function open({ session: number, model, options, owner, added, frozen, kept }) {
  /** @type {Map<string, Tensor>} */
  const arrays = owners.get(owner) ?? new Map();
  owners.set(owner, arrays);
  for (const [name, array] of Object.entries(added)) arrays.set(name, tensorOf(array));
  const session = await InferenceSession.create(model, options);
  const names = new Set(frozen);
  const fed = Object.fromEntries([...arrays].filter(([name]) => names.has(name)));
  sessions.set(number, { session, frozen: fed, kept: new Set(kept) });
  return {};
}

/**
 * @param {RunRequest} request
 * @returns {Promise<Results>}
 */
async function run({ session: number, feeds, results }) {
  const opened = sessions.get(number);
  if (!opened) throw new Error(`session ${number} is not open`);
  const { session, frozen, kept } = opened;
  const fetches = mapValues(results, ({ type, dims }, name) =>
    kept.has(name) ? memory.tensor(name, dims) : blankTensor(type, dims),
  );
  await runInto(session, { ...frozen, ...mapValues(feeds, tensorOf) }, fetches);
  const returned = Object.entries(fetches).filter(([name]) => !kept.has(name));
  return Object.fromEntries(returned.map(([name, { data }]) => [name, data]));
}

/**
 * @param {ReleaseRequest} request
 * @returns {Promise<Results>}
 */
async function release({ session: number, owner }) {
  await sessions.get(number)?.session.release();
  sessions.delete(number);
  if (owner !== undefined) owners.delete(owner);
  return {};
}

/**
 * @param {Request} request
 * @returns {Promise<Results>}
 */
function answer(request) {
  if (request.kind === 'open') return open(request);
  return request.kind === 'run' ? run(request) : release(request);
}

/** @param {Reply} reply */
const send = (reply) => parentPort?.postMessage(reply);

parentPort?.on('message', (/** @type {Message} */ { number, request }) => {
  answer(request).then(
    (results) => send({ number, results }),
    (/** @type {unknown} */ error) =>
      send({ number, results: {}, error: error instanceof Error ? error.message : String(error) }),
  );
});
