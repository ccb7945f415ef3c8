export {
  bytesEqual,
  concatBytes,
  fromBase64Url,
  fromHex,
  fromUtf8,
  littleEndianOf,
  toBase64Url,
  toHex,
  utf8,
  wordsFromLittleEndian,
  wordsOfLittleEndian,
  wordsToLittleEndian,
} from './bytes.ts';
export { canonicalJson } from './canonical-json.ts';
export { layoutLength, layoutOffsets, type Segment } from './layout.ts';
