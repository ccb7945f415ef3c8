import type { Guarantee } from './card-schema.ts';

/** A unit of an account, in words. */
export function whomWords(account: Guarantee['account']): string {
  return {
    train: 'a unit of the training part',
    validation: 'a unit of the validation part',
    test: 'a unit of the test part',
    client: 'a client with everything that it holds',
  }[account];
}

/** ε in four digits, rounded up: what is shown is never less than what is meant. */
export function roundedUp(epsilon: number): string {
  if (epsilon === 0 || !Number.isFinite(epsilon)) return epsilon === 0 ? '0' : '∞';
  const unit = 10 ** (Math.floor(Math.log10(epsilon)) - 3);
  const shown = Number((Math.ceil(epsilon / unit) * unit).toPrecision(4));
  return String(shown >= epsilon ? shown : Number((shown + unit).toPrecision(4)));
}
