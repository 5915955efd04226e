/** A time as a person says it: `45 s`, `12 min`, `5.5 h`, `9 days`, `4.5 years`. */
export function durationText(seconds: number): string {
  const [minute, hour, day, year] = [60, 3600, 86_400, 365.25 * 86_400];
  if (seconds < 1.5 * minute) return `${Math.ceil(seconds)} s`;
  if (seconds < 1.5 * hour) return `${Math.round(seconds / minute)} min`;
  if (seconds < 2 * day) return `${(seconds / hour).toFixed(1)} h`;
  return seconds < year ? `${Math.round(seconds / day)} days` : `${(seconds / year).toFixed(1)} years`;
}
