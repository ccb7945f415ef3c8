import { SottoError } from '../errors/index.ts';

/**
 * The one text of a JSON value: object keys sorted by code unit, no white space, numbers as ECMAScript prints them,
 * members that are `undefined` left out. What is hashed or signed is the UTF-8 of this text.
 *
 * @see RFC 8785 (JSON Canonicalization Scheme), whose rules these are.
 * @throws {INVALID_INPUT} when the value holds a number that is not finite, or something that JSON cannot say.
 */
export function canonicalJson(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value))
        throw new SottoError('INVALID_INPUT', `canonical JSON cannot hold the number ${value}`);
      return JSON.stringify(value);
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) {
        throw new SottoError('INVALID_INPUT', 'canonical JSON holds plain objects and arrays only');
      }
      const members = Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
        .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
      return `{${members.join(',')}}`;
    }
    default:
      throw new SottoError('INVALID_INPUT', `canonical JSON cannot hold a ${typeof value}`);
  }
}
