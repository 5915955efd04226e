/** Reports evaluations on standard error: progress over all documents, and what came of each evaluation. */
import type { EvaluateEvents } from '../../runs/evaluate/evaluate.ts';
import { note } from './output.ts';
import type { Progress } from './progress.ts';

/** Events that a bar or lines show; `bench eval` and `bench run` report evaluations with them. */
export function evaluationEvents(progress: Progress): EvaluateEvents {
  return {
    onProgress({ names, ...progressed }) {
      progress.update({ phase: 'documents', ...progressed, detail: names.join(', ') });
    },
    onEnd({ settings, metrics, error }, path) {
      progress.stop();
      const scores = metrics.map(({ name, value }) => `${name} ${value.toFixed(4)}`).join(', ');
      const outcome = error ? `failed: ${error.name}: ${error.message}` : scores || 'answers written';
      note(`${settings.evaluation.name}: ${outcome} (${path})`);
    },
    onNote(text) {
      progress.stop();
      note(text);
    },
  };
}
