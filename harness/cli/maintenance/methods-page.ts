/** Makes the page methods/README.md from the code: options, parameter counts and sites of every method. */
import { UsageError } from '../../support/errors.ts';
import { unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import { loadBase } from '../../models/bases/load-base.ts';
import { mergeDelta } from '../../models/delta/merge.ts';
import { publicConfigs } from '../../models/bases/public-configs.ts';
import type { Site } from '../../models/edits.ts';
import type { Delta, Method, TensorSpec } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { describeOptions, formatValue } from '../../runs/plan/variants/option-values.ts';
import { countParameters } from '../../models/delta/count-parameters.ts';
import { loadMethods } from '../../runs/plan/load-plugins.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/**
 * Bases whose trained parameters the page counts, and families into which it tries to merge; those that are
 * built.
 */
const counted = { 'gpt2-medium': 'GPT-2 medium', 'roberta-base': 'RoBERTa base' };
const mergedInto = { ...counted, 't5-base': 'T5', 'meta-llama/Llama-2-7b-hf': 'Llama' };

interface NamedBase {
  readonly label: string;
  readonly base: BaseModel;
}

/** The page methods/README.md: every method, from the code and public configurations alone. */
export async function methodsPage(): Promise<string> {
  const methods = [...(await loadMethods()).values()];
  const [columns, targets] = [await open(counted), await open(mergedInto)];
  const header = ['method', 'label', 'paper', 'formula', ...columns.map(({ label }) => label), 'merges'];
  const rows = methods.map((method) => [
    `[\`${method.name}\`](#${method.name})`,
    method.label,
    method.paper,
    method.formula ? `\`${method.formula}\`` : '',
    ...columns.map(({ base }) => trained(base, attachTo(base, method))),
    merges(method, targets),
  ]);
  return [
    '# Methods',
    'One file each. This page is made by `npm run docs:methods` from the code; a test holds it to be current.',
    "Counts are trained parameters with default options, a task's head left out. " +
      "The last column says whether `bench merge` can put the result into the base's weights.",
    table(header, rows),
    ...methods.flatMap((method) => section(method, columns)),
  ]
    .join('\n\n')
    .concat('\n');
}

function open(bases: Readonly<Record<string, string>>): Promise<NamedBase[]> {
  const built = Object.entries(bases).filter(([id]) => id in publicConfigs);
  return Promise.all(built.map(async ([id, label]) => ({ label, base: await loadBase(id) })));
}

/** A method with its defaults on a base; undefined where it cannot act on it. */
function attachTo(base: BaseModel, method: Method): Delta | undefined {
  try {
    return method.attach(base, method.options.parse({}));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function trained(base: BaseModel, delta: Delta | undefined): string {
  return delta ? countParameters(base, delta).trained.toLocaleString('en') : '–';
}

/** `yes`, `no`, or the families into which it does not merge, of those that it can act on. */
function merges(method: Method, targets: readonly NamedBase[]): string {
  const tried = targets.flatMap(({ label, base }) => {
    const delta = attachTo(base, method);
    return delta ? [{ label, merges: canMerge(base, delta) }] : [];
  });
  const refusing = tried.filter(({ merges }) => !merges);
  if (refusing.length === tried.length) return 'no';
  return refusing.length === 0 ? 'yes' : `yes, not into ${refusing.map(({ label }) => label).join(', ')}`;
}

function canMerge(base: BaseModel, delta: Delta): boolean {
  // Only which edits there are matters here, not their values.
  const zeros = ({ shape }: TensorSpec): Float32Array => new Float32Array(sizeOf(shape));
  const specs = Object.entries({ ...delta.trained, ...delta.frozen, ...delta.state });
  try {
    mergeDelta(base, delta, Object.fromEntries(specs.map(([name, spec]) => [name, zeros(spec)])));
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function section(method: Method, columns: readonly NamedBase[]): string[] {
  const options = describeOptions(method.options);
  const ablations = Object.keys(method.ablations ?? {}).map((name) => `\`${method.name}~${name}\``);
  const sites = columns.flatMap(({ label, base }) => {
    const delta = attachTo(base, method);
    return delta ? [`${placesOf(base, delta)} (${label})`] : [];
  });
  const defaults = Object.entries(method.defaults ?? {}).map(
    ([key, value]) => `\`${key}=${formatValue(value)}\``,
  );
  return [
    `## ${method.name}`,
    `${method.label}. ${method.paper}.${method.formula ? ` \`${method.formula}\`` : ''}`,
    [
      ...(sites.length ? [`- Sites: ${sites.join('; ')}`] : []),
      ...(defaults.length
        ? [`- Hyper-parameters where no recipe says otherwise: ${defaults.join(', ')}`]
        : []),
      ...(ablations.length ? [`- Ablations: ${ablations.join(', ')}`] : []),
    ].join('\n'),
    ...(options.length
      ? [
          table(
            ['option', 'type', 'default', ''],
            options.map(({ name, type, default: value, description }) => [
              `\`${name}\``,
              type,
              value === undefined ? '' : formatValue(value),
              description,
            ]),
          ),
        ]
      : []),
  ];
}

/** The roles of the sites whose tensors, added or the base's own, are trained: `24 queryKeyValue`. */
function placesOf(base: BaseModel, delta: Delta): string {
  const unfrozen = unfrozenTensors(base, delta);
  if (unfrozen.length === Object.keys(base.shapes).length) return 'every tensor';
  const names = [...Object.keys(delta.trained), ...unfrozen];
  // The innermost site that a tensor's name begins with.
  const bySize = [...base.sites].sort((a, b) => b.name.length - a.name.length);
  const found = new Set<Site>();
  for (const name of names) {
    const site = bySize.find((candidate) => name.startsWith(`${candidate.name}.`));
    if (site) found.add(site);
  }
  const roles = [...new Set([...found].map(({ role }) => role))];
  const places = roles.map((role) => `${[...found].filter((site) => site.role === role).length} ${role}`);
  const { promptLength = 0, prefixLength = 0 } = delta;
  return [
    ...places,
    ...(promptLength > 0 ? [`${promptLength} virtual tokens`] : []),
    ...(prefixLength > 0 ? [`${prefixLength} keys and values of every attention`] : []),
  ].join(', ');
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
