/** A number as a report shows it: three decimals at the size of a rate, more or fewer where it is smaller or larger; a true minus sign. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '−∞' : '–';
  const size = Math.abs(value);
  const text =
    size === 0 || (size >= 0.0005 && size < 100)
      ? value.toFixed(3)
      : size < 0.0005
        ? value.toExponential(1)
        : value.toLocaleString('en-GB', { maximumFractionDigits: size < 1_000 ? 1 : 0 });
  return text.replace(/^-(0\.0+)$/, '$1').replace('-', '−');
}

/** ε with two decimals, never less than it is; one below 0.01 keeps two digits. */
export function epsilonText(value: number): string {
  if (value > 0 && value < 0.01) return value.toPrecision(2);
  return (Math.ceil(value * 100 - 1e-9) / 100).toFixed(2);
}

/** δ as the plan writes it: 1e-5. */
export function deltaText(value: number): string {
  return value.toExponential().replace('+', '');
}

/** A noisy count, to the unit. */
export function countText(value: number): string {
  return Math.round(value).toLocaleString('en-GB', { maximumFractionDigits: 0 }).replace('-', '−');
}
