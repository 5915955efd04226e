/** The check that all metrics of labels share. */

/** Throws RangeError unless labels and predictions are equally many and at least one. */
export function checkPairs(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
  if (labels.length !== predictions.length) {
    throw new RangeError(
      `${labels.length} labels, but ${predictions.length} predictions: give one for each label`,
    );
  }
  if (labels.length === 0) throw new RangeError('a metric needs at least one label, got none');
}
