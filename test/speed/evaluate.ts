/**
 * deltabench's side of the evaluation rows, the counterpart of lm_eval_scores.py. For each number n on standard input
 * it scores the first n documents, from texts to numbers, compiling included.
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createEngine } from '../../harness/engine/create.ts';
import type { ChoiceEvaluation, LoadRequest, TextEvaluation } from '../../harness/evaluation/evaluation.ts';
import { likelihoodBatches } from '../../harness/evaluation/likelihoods/batches.ts';
import { LikelihoodScorer } from '../../harness/evaluation/likelihoods/log-likelihoods.ts';
import { freezeAll } from '../../harness/decoding/programs.ts';
import { encodeAlternatives, promptEncoder } from '../../harness/evaluation/likelihoods/tokens.ts';
import { alternativesOf, promptsOf } from '../../harness/evaluation/prompts.ts';
import { generate } from '../../harness/decoding/generate.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { holdsStop, writtenText } from '../../harness/runs/evaluate/work/text-work.ts';
import { serve } from './serve.ts';

const { values } = parseArgs({
  options: {
    task: { type: 'string', default: '' },
    shots: { type: 'string', default: '' },
    base: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    threads: { type: 'string', default: '' },
    limit: { type: 'string', default: '' },
  },
});
const engine = await createEngine({ name: 'onnx', threads: Number(values.threads) });
const base = await loadBase(values.base, { weights: true });
const tokenizer = await base.tokenizer();
const evaluation = (await loadEvaluations()).get(values.task)!;
const [shots, limit] = [Number(values.shots), Number(values.limit)];
const request: LoadRequest = {
  source: { kind: 'folder', path: values.data },
  protocol: 'lm-eval',
  needsPool: shots > 0,
};
const delta = { trained: {} };
const model = { engine, base, delta, frozen: await freezeAll(engine, base, delta, {}) };
const settings = { protocol: request.protocol, limit };
const { texts, score } = await sideOf();

function sideOf() {
  if (evaluation.kind === 'choices') return choices(evaluation);
  if (evaluation.kind === 'text') return writtenTexts(evaluation);
  throw new Error(`${values.task} is not scored by lm-eval`);
}

async function choices(evaluation: ChoiceEvaluation) {
  const asked = promptsOf(evaluation, await evaluation.load(request), shots, settings).map(alternativesOf);
  return {
    texts: asked.flat().map(({ context, continuation }) => context + continuation),
    async score(n: number): Promise<number[]> {
      const documents = asked.slice(0, n).map((own) => encodeAlternatives(tokenizer, own, 'lm-eval'));
      const scorer = new LikelihoodScorer(model);
      const found: number[][] = [];
      for (const batch of likelihoodBatches(model, documents))
        for (const [document, likelihoods] of await scorer.score(batch))
          found[document] = likelihoods.map(({ logLikelihood }) => logLikelihood);
      await scorer.close();
      return found.flat();
    },
  };
}

async function writtenTexts(evaluation: TextEvaluation) {
  const prompts = promptsOf(evaluation, await evaluation.load(request), shots, settings);
  const texts = prompts.map(({ textOf, document }) => textOf(document.prompt));
  const encode = promptEncoder(tokenizer, 'lm-eval');
  const decoding = evaluation.decoding('lm-eval');
  return {
    texts,
    async score(n: number): Promise<string[]> {
      const asked = texts.slice(0, n).map(encode);
      const { tokens } = await generate({
        ...model,
        tensors: {},
        prompts: asked,
        maxNewTokens: decoding.maxNewTokens,
        beams: 1,
        eosId: tokenizer.eosId,
        isComplete: holdsStop(tokenizer, decoding.stops),
      });
      return tokens.map((own, i) => writtenText(tokenizer, asked[i]!, own, decoding).text);
    },
  };
}

const prompts = createHash('sha1').update(texts.join('\n')).digest('hex');
await serve(
  async (n) => {
    const start = performance.now();
    const before = process.cpuUsage();
    const answers = await score(n);
    const { user, system } = process.cpuUsage(before);
    return { times: [performance.now() - start], cpu: [(user + system) / 1e3], answers };
  },
  { prompts },
);
