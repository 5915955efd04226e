/**
 * Reads which evaluations are asked for: names of evaluations or groups, each alone or with settings of its
 * own, `mmlu~shots=5,protocol=red`. `bench eval --tasks`, `bench --evaluations` and tasks name them so.
 */
import {
  evaluationProtocols,
  type Evaluation,
  type EvaluationProtocol,
} from '../../evaluation/evaluation.ts';
import { shotsOf } from '../../evaluation/prompts.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { splitSetting } from '../plan/variants/option-values.ts';
import { limitForms, readLimit } from './document-limit.ts';

/** An evaluation, and how it is asked. */
export interface ChosenEvaluation {
  readonly evaluation: Evaluation;
  readonly protocol: EvaluationProtocol;
  readonly shots: number;
  /** Only the first so many documents, or below 1 the first share of them; undefined is all. */
  readonly limit: number | undefined;
}

/** One of the texts that were asked for: an evaluation, or a group with its evaluations. */
export interface Choice {
  readonly name: string;
  readonly isGroup: boolean;
  readonly members: readonly ChosenEvaluation[];
}

/** The settings of evaluations that have none of their own. */
export interface EvaluationDefaults {
  /** By default the first protocol that an evaluation has. */
  readonly protocol?: string | undefined;
  /** By default the protocol's number. */
  readonly shots?: number | undefined;
  readonly limit?: number | undefined;
}

/**
 * Resolves texts in the order given; throws UsageError where an evaluation does not exist, has no such
 * protocol, or takes no such number of examples.
 */
export function chooseEvaluations(
  texts: readonly string[],
  all: ReadonlyMap<string, Evaluation>,
  defaults: EvaluationDefaults = {},
): Choice[] {
  return texts.map((text) => {
    const [asked = '', ...settings] = text.split('~');
    const { protocol, shots, limit } = { ...defaults, ...readSettings(text, settings.join(',')) };
    const fixed = protocol === undefined ? undefined : protocolOf(protocol);
    const { name, isGroup, members } = find(asked, all);
    return {
      name,
      isGroup,
      members: members.map((evaluation) => {
        const own = fixed ?? firstProtocol(evaluation);
        return { evaluation, protocol: own, shots: shotsOf(evaluation, own, shots), limit };
      }),
    };
  });
}

/** All evaluations of some choices, each once. */
export function evaluationsOf(choices: readonly Choice[]): ChosenEvaluation[] {
  const key = ({ evaluation, protocol, shots, limit }: ChosenEvaluation): string =>
    JSON.stringify([evaluation.name, protocol, shots, limit]);
  const members = choices.flatMap((choice) => choice.members);
  return [...new Map(members.map((member) => [key(member), member])).values()];
}

/** The name of an evaluation in tables, with its settings where another has the same name. */
export function columnName(
  { evaluation, protocol, shots, limit }: ChosenEvaluation,
  all: readonly ChosenEvaluation[],
): string {
  const key = (one: ChosenEvaluation): string => JSON.stringify([one.protocol, one.shots, one.limit]);
  const same = all.filter((one) => one.evaluation.name === evaluation.name);
  if (new Set(same.map(key)).size < 2) return evaluation.name;
  const settings = [`shots=${shots}`, `protocol=${protocol}`, ...(limit ? [`limit=${limit}`] : [])];
  return `${evaluation.name}~${settings.join(',')}`;
}

/** Reads `shots=5,protocol=red`; '' where the text has no settings. */
function readSettings(text: string, settings: string): EvaluationDefaults {
  const read: { protocol?: string; shots?: number; limit?: number } = {};
  for (const setting of settings.split(',').filter(Boolean)) {
    const { key, value } = splitSetting(setting);
    if (key === 'protocol') read.protocol = value;
    else if (key === 'shots') read.shots = shotsIn(text, value);
    else if (key === 'limit') read.limit = limitIn(text, value);
    else {
      const known = ['shots', 'protocol', 'limit'];
      throw new UsageError(
        `${text}: an evaluation has no setting ${key}.${didYouMean(key, known)} It has: ${known.join(', ')}.`,
      );
    }
  }
  return read;
}

function shotsIn(text: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new UsageError(`${text}: shots must be a whole number from 0 on.`);
}

function limitIn(text: string, value: string): number {
  const limit = readLimit(value);
  if (limit !== undefined) return limit;
  throw new UsageError(`${text}: limit must be ${limitForms}.`);
}

function find(
  asked: string,
  all: ReadonlyMap<string, Evaluation>,
): { name: string; isGroup: boolean; members: readonly Evaluation[] } {
  // lm-eval's names have underscores, ours hyphens.
  const name = asked.replaceAll('_', '-');
  const one = all.get(name);
  if (one) return { name, isGroup: false, members: [one] };
  const members = [...all.values()].filter(({ groups = [] }) => groups.includes(name));
  if (members.length > 0) return { name, isGroup: true, members };
  const groups = new Set([...all.values()].flatMap((evaluation) => evaluation.groups ?? []));
  const single = [...all.values()].filter((evaluation) => (evaluation.groups ?? []).length < 2);
  const shown = [...groups, ...single.map((evaluation) => evaluation.name)].join(', ');
  throw new UsageError(
    `There is no evaluation "${asked}".${didYouMean(name, [...groups, ...all.keys()])} Evaluations: ${shown}.`,
  );
}

/** The protocol of an evaluation for which none is asked. */
function firstProtocol({ shots }: Evaluation): EvaluationProtocol {
  return evaluationProtocols.find((protocol) => shots[protocol] !== undefined)!;
}

function protocolOf(asked: string): EvaluationProtocol {
  const found = evaluationProtocols.find((name) => name === asked);
  if (found) return found;
  throw new UsageError(
    `--protocol ${asked}: it can be ${evaluationProtocols.join(', ')}.${didYouMean(asked, evaluationProtocols)}`,
  );
}
