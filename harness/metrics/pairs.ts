/** Throws a RangeError where labels and predictions differ in number. */
export function checkPairs(labels: ArrayLike<number>, predictions: ArrayLike<number>): void {
  if (labels.length !== predictions.length) {
    throw new RangeError(
      `${labels.length} labels, but ${predictions.length} predictions: give one for each label`,
    );
  }
}
