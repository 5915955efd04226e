/** The judges that are asked: an endpoint, by several calls at once, or a base on the engine. */
import type { FetchOptions } from '../../data/hub/connection.ts';
import { generate } from '../../decoding/generate.ts';
import { freezeToScore } from '../../decoding/programs.ts';
import { positionsFor } from '../../evaluation/likelihoods/batches.ts';
import { CallFailed, JudgeEndpoint, type EndpointOptions } from '../../judging/endpoint.ts';
import type { JudgeCall } from '../../judging/judging.ts';
import type { JudgementSettings } from '../../records/judgement-record.ts';
import { UsageError } from '../../support/errors.ts';
import { findSubject } from '../evaluate/subject.ts';
import { checkBaseMemory } from '../memory/cell-memory.ts';
import { startEngine } from '../execute/start-engine.ts';
import type { EngineChoice } from '../plan/engine-choice.ts';

/** What came of a call: the judge's text with its tokens, as far as they are known, or the reason why none came. */
export type CallOutcome =
  | { readonly text: string; readonly tokens: readonly [prompt: number, reply: number] }
  | { readonly error: string };

/** Somebody who judges. */
export interface Judge {
  readonly settings: Omit<JudgementSettings['judge'], 'maxTokens'>;
  /** Counts a call's tokens, where the judge's tokenizer is here. */
  readonly count?: (call: JudgeCall) => number;
  /** Asks all calls and tells each outcome as it comes. */
  ask(
    calls: readonly JudgeCall[],
    maxTokens: number,
    onOutcome: (key: string, outcome: CallOutcome) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Calls in a row that fail before the judge is given up. */
const mostFailures = 3;

/** A judge behind an endpoint, which at most `parallel` calls reach at once. */
export function endpointJudge(
  options: Omit<EndpointOptions, 'signal'> & { readonly parallel: number },
): Judge {
  // Made here, too, so that an unusable address is refused before anything is asked.
  const { url } = new JudgeEndpoint(options);
  return {
    settings: { kind: 'endpoint', model: options.model, hash: null },
    async ask(calls, maxTokens, onOutcome, signal) {
      const stop = new AbortController();
      const endpoint = new JudgeEndpoint({ ...options, url, signal: AbortSignal.any([signal, stop.signal]) });
      const waiting = [...calls];
      let failures = 0;
      const work = async (): Promise<void> => {
        for (let call; (call = waiting.shift()) !== undefined;) {
          const outcome = await askOnce(endpoint, call, maxTokens);
          failures = 'error' in outcome ? failures + 1 : 0;
          await onOutcome(call.key, outcome);
          if ('error' in outcome && failures >= mostFailures)
            throw new UsageError(
              `The judge fails: ${outcome.error}. What it answered is kept; the same command goes on from there.`,
            );
        }
      };
      const workers = Array.from({ length: Math.min(options.parallel, calls.length) }, () =>
        work().catch((error: unknown) => {
          // One worker's error ends the others; theirs is the same, or that they were ended.
          if (!stop.signal.aborted) stop.abort(error);
        }),
      );
      await Promise.all(workers);
      signal.throwIfAborted();
      stop.signal.throwIfAborted();
    },
  };
}

async function askOnce(endpoint: JudgeEndpoint, call: JudgeCall, maxTokens: number): Promise<CallOutcome> {
  try {
    const { text, promptTokens = 0, replyTokens = 0 } = await endpoint.reply(call.messages, maxTokens);
    return { text, tokens: [promptTokens, replyTokens] };
  } catch (error) {
    if (error instanceof CallFailed) return { error: error.message };
    throw error;
  }
}

/** A base that judges on the engine, greedily, asked by its own chat template. */
export async function localJudge(
  model: string,
  choice: EngineChoice,
  fetching: FetchOptions = {},
): Promise<Judge> {
  const subject = await (await findSubject({ model }, undefined, fetching)).open();
  const { base, tokenizer, delta, tensors } = subject;
  const ends = new Set(subject.endTokens);
  const positions = positionsFor(base, delta);
  const encode = ({ messages }: JudgeCall): number[] =>
    tokenizer.encode(tokenizer.chat(messages), { specialTokens: false });
  return {
    settings: { kind: 'local', model: base.id, hash: await base.hash() },
    count: (call) => encode(call).length,
    async ask(calls, maxTokens, onOutcome, signal) {
      const asked = calls.map((call) => ({ key: call.key, prompt: encode(call) }));
      for (const { key, prompt } of asked.filter((one) => one.prompt.length >= positions))
        await onOutcome(key, { error: `a prompt of ${prompt.length} tokens; ${base.id} reads ${positions}` });
      const fitting = asked.filter(({ prompt }) => prompt.length < positions);
      const engine = await startEngine({ engine: choice });
      await checkBaseMemory(base, engine.device);
      const frozen = await freezeToScore(engine, base, delta, tensors);
      try {
        await generate({
          engine,
          base,
          delta,
          frozen,
          tensors,
          signal,
          prompts: fitting.map(({ prompt }) => prompt),
          maxNewTokens: maxTokens,
          beams: 1,
          eosId: tokenizer.eosId,
          isComplete: (tokens) => ends.has(tokens.at(-1)!),
          onEnd(place, tokens) {
            const { key, prompt } = fitting[place]!;
            const text = tokenizer.decode(tokens, { skipSpecialTokens: true });
            return onOutcome(key, { text, tokens: [prompt.length, tokens.length] });
          },
        });
      } finally {
        frozen.dispose();
      }
    },
  };
}
