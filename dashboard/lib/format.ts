/** Figures as text: a leading zero, three decimals for rates, two for ε, a true minus sign, the unit beside the number. */

const groups = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

function decimals(value: number, digits: number): string {
  return new Intl.NumberFormat('en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .format(value)
    .replace('-', '−');
}

/** @param value - a proportion in [0, 1], or a mean loss */
export function formatRate(value: number): string {
  return decimals(value, 3);
}

/** ε with two decimals; an ε below 0.01 keeps two significant digits, so that it never reads as nothing spent. */
export function formatEpsilon(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  if (value > 0 && value < 0.01) return value.toPrecision(2);
  return decimals(value, 2);
}

/** δ as the plan writes it: 1e-5. */
export function formatDelta(value: number): string {
  return value.toExponential().replace('+', '');
}

export function formatCount(value: number): string {
  return groups.format(Math.round(value)).replace('-', '−');
}

/** @param bytes - a number of bytes; shown in decimal units: 1 MB is 1,000,000 bytes */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let amount = bytes;
  let unit = 0;
  // 999.5 would round to 1,000 of the smaller unit.
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${decimals(amount, digits)} ${units[unit]}`;
}

/** @param seconds - a length of time; two units at most, so that it reads at a glance */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${decimals(seconds, seconds < 0.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return join(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(seconds / 3600);
  return join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** @param milliseconds - since the epoch; in the reader's own time zone */
export function formatClock(milliseconds: number): string {
  return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(
    milliseconds,
  );
}

/** The first eight digits of a hash in two groups, enough to compare by eye. */
export function shortHash(hash: string): string {
  return `${hash.slice(0, 4)} ${hash.slice(4, 8)}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
