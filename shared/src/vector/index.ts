export {
  bytesEqual,
  concatBytes,
  fromHex,
  fromUtf8,
  toHex,
  utf8,
  wordsFromLittleEndian,
  wordsToLittleEndian,
} from './bytes.ts';
export { canonicalJson } from './canonical-json.ts';
export { layoutLength, layoutOffsets, type Segment } from './layout.ts';
