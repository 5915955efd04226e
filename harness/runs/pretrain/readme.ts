import { basename } from 'node:path';
import type { BaseModel } from '../../models/base-model.ts';
import type { PretrainRecord, PretrainRequest } from './record.ts';

/** What a pretrained base was made from and how, for its folder `out`. */
export function baseReadme(
  out: string,
  {
    base,
    record,
    request,
    hashes,
  }: Readonly<{
    base: Pick<BaseModel, 'family'>;
    record: PretrainRecord;
    request: PretrainRequest;
    hashes: readonly { readonly name: string; readonly sha256: string }[];
  }>,
): string {
  const { training, seconds, parameters, tokensPerSecond } = record;
  const command = [
    'npm run bench -- pretrain',
    `--family ${base.family}`,
    ...(request.config ? [`--config ${request.config}`] : []),
    `--text ${hashes.map(({ name }) => name).join(' ')}`,
    request.tokenizer ? `--tokenizer ${basename(request.tokenizer)}` : `--vocabulary ${request.vocabulary}`,
    `--length ${request.length} --steps ${request.steps} --seed ${request.seed} --dtype ${request.dtype}`,
    ...(request.settings.length > 0 ? [`--set ${request.settings.join(' ')}`] : []),
    `--out ${basename(out)}`,
  ].join(' ');
  return `# ${basename(out)}

A ${base.family} of ${parameters.toLocaleString('en')} parameters, pretrained by deltabench:

    ${command}

| text | sha256 |
| --- | --- |
${hashes.map(({ name, sha256 }) => `| ${name} | ${sha256} |`).join('\n')}

${request.terms ? `${request.terms}\n\n` : ''}${training.steps} steps, ${training.tokens.toLocaleString('en')} tokens, ${Math.round(seconds.train!)} seconds on ${record.environment.cpu} (${Math.round(tokensPerSecond).toLocaleString('en')} tokens a second). The weights are those of step ${training.bestStep}.
Knowing only how frequent each token is would give a loss of ${training.unigramLoss.toFixed(4)}.

| step | loss on held-out text |
| ---: | ---: |
${training.evaluations.map(({ step, loss }) => `| ${step} | ${loss.toFixed(4)} |`).join('\n')}

pretraining.json holds every setting, the log's summary and what it ran on.
`;
}
