/**
 * Writes the README of a pretrained base's folder: the command that makes it again, its texts, its losses.
 */
import { basename } from 'node:path';
import type { BaseModel } from '../../models/base-model.ts';
import type { PretrainRecord, PretrainRequest } from './pretrain-record.ts';

/** What the README tells of. */
export interface DescribedBase {
  readonly base: Pick<BaseModel, 'family'>;
  readonly record: PretrainRecord;
  readonly request: PretrainRequest;
  /** The texts that it was trained on. */
  readonly texts: readonly { readonly name: string; readonly sha256: string }[];
}

/** The README of the folder `out`. */
export function baseReadme(out: string, { base, record, request, texts }: DescribedBase): string {
  const { training, seconds, parameters, tokensPerSecond } = record;
  const command = [
    'npm run bench -- pretrain',
    `--family ${base.family}`,
    ...(request.config ? [`--config ${request.config}`] : []),
    `--text ${texts.map(({ name }) => name).join(' ')}`,
    request.tokenizer ? `--tokenizer ${basename(request.tokenizer)}` : `--vocabulary ${request.vocabulary}`,
    `--length ${request.length} --steps ${request.steps} --seed ${request.seed} --dtype ${request.dtype}`,
    ...(request.settings.length > 0 ? [`--set ${request.settings.join(' ')}`] : []),
    `--out ${basename(out)}`,
  ].join(' ');
  const terms = request.terms ? `${request.terms}\n\n` : '';
  const steps = `${training.steps} steps, ${training.tokens.toLocaleString('en')} tokens`;
  const rate = `${Math.round(tokensPerSecond).toLocaleString('en')} tokens a second`;
  const speed = `${Math.round(seconds.train!)} seconds on ${record.environment.cpu} (${rate})`;
  return `# ${basename(out)}

A ${base.family} of ${parameters.toLocaleString('en')} parameters, pretrained by deltabench:

    ${command}

| text | sha256 |
| --- | --- |
${texts.map(({ name, sha256 }) => `| ${name} | ${sha256} |`).join('\n')}

${terms}${steps}, ${speed}. The weights are those of step ${training.bestStep}.
Knowing only how frequent each token is would give a loss of ${training.unigramLoss.toFixed(4)}.

| step | loss on held-out text |
| ---: | ---: |
${training.evaluations.map(({ step, loss }) => `| ${step} | ${loss.toFixed(4)} |`).join('\n')}

pretraining.json holds every setting, the log's summary and what it ran on.
`;
}
