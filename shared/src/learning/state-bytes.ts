import { SottoError } from '../errors/index.ts';
import { bytesEqual, fromUtf8, utf8 } from '../vector/index.ts';
import type { ServerState } from './strategy.ts';

/** First bytes of an encoded state; the last one is the format's version. */
const magic = utf8('sotto/state/1');

const platformIsLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * A state as bytes: magic, strategy's name (length in one byte), then little-endian uint32 steps, d, moments and scalars,
 * then float64 weights, moments and scalars. Equal states give equal bytes.
 */
export function encodeServerState(state: ServerState): Uint8Array {
  const name = utf8(state.strategy);
  const dimension = state.weights.length;
  const values = dimension * (1 + state.moments.length) + state.scalars.length;
  const bytes = new Uint8Array(magic.length + 1 + name.length + 16 + 8 * values);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  bytes[magic.length] = name.length;
  bytes.set(name, magic.length + 1);
  let offset = magic.length + 1 + name.length;
  for (const count of [state.steps, dimension, state.moments.length, state.scalars.length]) {
    view.setUint32(offset, count, true);
    offset += 4;
  }
  for (const vector of [state.weights, ...state.moments, Float64Array.from(state.scalars)]) {
    if (platformIsLittleEndian) {
      bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), offset);
      offset += vector.byteLength;
      continue;
    }
    for (const value of vector) {
      view.setFloat64(offset, value, true);
      offset += 8;
    }
  }
  return bytes;
}

/**
 * The state that {@link encodeServerState} wrote, in new memory.
 * @throws {INVALID_INPUT} when the bytes are something else, of another version, or cut short.
 */
export function decodeServerState(bytes: Uint8Array): ServerState {
  if (!bytesEqual(bytes.subarray(0, magic.length), magic)) {
    throw new SottoError('INVALID_INPUT', `server state: expected to begin with ${fromUtf8(magic)}, it does not`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nameLength = bytes[magic.length] ?? 0;
  let offset = magic.length + 1 + nameLength;
  if (bytes.length < offset + 16) throw cutShort(offset + 16, bytes.length);
  const strategy = fromUtf8(bytes.subarray(offset - nameLength, offset));
  const counts = [0, 4, 8, 12].map((at) => view.getUint32(offset + at, true));
  const [steps = 0, dimension = 0, moments = 0, scalars = 0] = counts;
  offset += 16;
  const expected = offset + 8 * (dimension * (1 + moments) + scalars);
  if (bytes.length !== expected) throw cutShort(expected, bytes.length);
  const read = (length: number): Float64Array => {
    const vector = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      vector[i] = view.getFloat64(offset, true);
      offset += 8;
    }
    return vector;
  };
  return {
    strategy,
    steps,
    weights: read(dimension),
    moments: Array.from({ length: moments }, () => read(dimension)),
    scalars: Array.from(read(scalars)),
  };
}

function cutShort(expected: number, got: number): SottoError {
  return new SottoError('INVALID_INPUT', `server state: its header asks for ${expected} bytes, got ${got}`);
}
