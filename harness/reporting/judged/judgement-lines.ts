/** What a judgement says in words: its title, its rates, and how far they can be trusted. */
import type { JudgementRecord } from '../../records/judgement-record.ts';

/** What was judged, against what, and by whom. */
export function judgementTitle({ settings, model, label }: JudgementRecord): string {
  const { evaluation, against, judge } = settings;
  const rival = against ? `, against ${against.model}` : '';
  return `${evaluation.name} · ${model} · ${label}${rival}, judged by ${judge.model}`;
}

/** The rates as rows: name, value, standard error or a dash. */
export function rateRows({ metrics }: JudgementRecord): [string, string, string][] {
  return metrics.map(({ name, value, standardError }) => [
    name,
    Number.isInteger(value) && name.startsWith('n_') ? String(value) : value.toFixed(4),
    standardError?.toFixed(4) ?? '–',
  ]);
}

/** What was left out, lengths of answers, what the order decides, and agreement with recorded judgements. */
export function trustLines(record: JudgementRecord): string[] {
  const { settings, judgements, lengths, order, agreement } = record;
  const other = lengths.other === null ? '' : `, of ${settings.against!.model} ${lengths.other}`;
  return [
    `judgements: ${judgements.of}; left out: ${judgements.unread} without a verdict in the text, ` +
      `${judgements.failed} whose call failed`,
    `mean length of an answer: ${lengths.judged} characters${other}`,
    ...(order && order.judgements > 0 ? [orderLine(order)] : []),
    ...(agreement
      ? [
          `agreement with the recorded judgements: ${percent(agreement.equal)} of ${agreement.judgements}, ` +
            `Cohen's kappa ${agreement.kappa?.toFixed(3) ?? '–'}`,
        ]
      : []),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function orderLine({ judgements, first, second, winRates }: NonNullable<JudgementRecord['order']>): string {
  if (!winRates)
    return (
      `the order decided ${percent(first + second)} of ${judgements} comparisons: ` +
      `the answer shown first won ${percent(first)}, the second ${percent(second)}`
    );
  const [whenFirst, whenSecond] = winRates.map((rate) => (rate === null ? '–' : rate.toFixed(2)));
  return (
    `the answer shown first won ${percent(first)} of ${judgements} comparisons, the second ${percent(second)}; ` +
    `win_rate shown first ${whenFirst!}, second ${whenSecond!}`
  );
}
