export {
  bytesEqual,
  concatBytes,
  fromHex,
  fromUtf8,
  littleEndianOf,
  toHex,
  utf8,
  wordsFromLittleEndian,
  wordsOfLittleEndian,
  wordsToLittleEndian,
} from './bytes.ts';
export { canonicalJson } from './canonical-json.ts';
export { layoutLength, layoutOffsets, type Segment } from './layout.ts';
