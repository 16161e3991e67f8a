// Numbers and times as people read them.

const SIGNS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** A number in three or four figures. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  for (const [unit, sign] of SIGNS) {
    if (size >= unit) return `${+(value / unit).toPrecision(size >= 100 * unit ? 3 : 3)} ${sign}`;
  }
  if (size !== 0 && size < 0.001) return value.toExponential(1);
  return String(+value.toPrecision(3));
}

/** Seconds as hours, minutes and seconds. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${minutes < 10 ? `${whole % 60} s` : ""}`.trim();
  return `${whole} s`;
}

/** A share as a percentage. */
export function percent(share) {
  return share === null || share === undefined ? "–" : `${(100 * share).toFixed(1)}%`;
}

/** A moment in seconds since 1970 as a local date. */
export function moment(seconds) {
  return seconds ? new Date(1000 * seconds).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–";
}

/** A rating with its interval. */
export function rating(value, low, high) {
  if (value === null || value === undefined) return "–";
  const half = low === null || high === null ? "" : ` (${Math.round(low)} to ${Math.round(high)})`;
  return `${Math.round(value)}${half}`;
}

/** A value of a position for Black, -1 to 1. */
export function value(number) {
  if (number === null || number === undefined) return "–";
  return `${number > 0 ? "+" : number < 0 ? "−" : ""}${Math.abs(number).toFixed(2)}`;
}
