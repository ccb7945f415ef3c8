/**
 * Adds 32-bit words modulo 2^32 by 128-bit instructions: `word-kernel.wat`, assembled (its test does it again). Everything
 * here runs without a pause, so the one memory is never shared by two additions.
 */
const kernelBase64 =
  'AGFzbQEAAAABBQFgAX8AAwMCAAAFAwEABAcbAwZtZW1vcnkCAANhZGQAAAhzdWJ0cmFjdAABCvEBAncBAX8CQANAIAEgAE8NASABIAH9AAQAIAH9AASA' +
  'gAj9rgH9CwQAIAEgAf0ABBAgAf0ABJCACP2uAf0LBBAgASAB/QAEICAB/QAEoIAI/a4B/QsEICABIAH9AAQwIAH9AASwgAj9rgH9CwQwIAFBwABqIQEM' +
  'AAsLC3cBAX8CQANAIAEgAE8NASABIAH9AAQAIAH9AASAgAj9sQH9CwQAIAEgAf0ABBAgAf0ABJCACP2xAf0LBBAgASAB/QAEICAB/QAEoIAI/bEB/QsE' +
  'ICABIAH9AAQwIAH9AASwgAj9sQH9CwQwIAFBwABqIQEMAAsLCw==';

/** Words that are added at a time: half of the kernel's memory, which stays in the cache. */
export const pieceWords = 32_768;

type Kernel = {
  /** [pieceWords], and its bytes. */
  readonly target: Int32Array;
  readonly operand: Int32Array;
  readonly operandBytes: Uint8Array;
  readonly add: (bytes: number) => void;
  readonly subtract: (bytes: number) => void;
};

// What is used of it; the types of Node and of the language have no WebAssembly.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly Memory: new () => { readonly buffer: ArrayBuffer };
};

let kernel: Kernel | null = null;

function theKernel(): Kernel {
  kernel ??= loadKernel() ?? plainKernel();
  return kernel;
}

/** The bytes of the WebAssembly module. */
export function kernelBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(kernelBase64), (character) => character.charCodeAt(0));
}

/** Null where a platform or a page's security policy allows no WebAssembly. */
function loadKernel(): Kernel | null {
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(kernelBytes()));
    const { memory, add, subtract } = exports;
    if (!(memory instanceof WebAssembly.Memory) || typeof add !== 'function' || typeof subtract !== 'function') {
      return null;
    }
    return {
      ...halvesOf(memory.buffer),
      add: (bytes) => void add(bytes),
      subtract: (bytes) => void subtract(bytes),
    };
  } catch {
    return null;
  }
}

/** The same by plain loops, which every platform has. */
function plainKernel(): Kernel {
  const halves = halvesOf(new ArrayBuffer(8 * pieceWords));
  const { target, operand } = halves;
  return {
    ...halves,
    add: (bytes) => {
      for (let i = 0; i < bytes / 4; i++) target[i] = (target[i]! + operand[i]!) | 0;
    },
    subtract: (bytes) => {
      for (let i = 0; i < bytes / 4; i++) target[i] = (target[i]! - operand[i]!) | 0;
    },
  };
}

function halvesOf(memory: ArrayBuffer): Pick<Kernel, 'target' | 'operand' | 'operandBytes'> {
  return {
    target: new Int32Array(memory, 0, pieceWords),
    operand: new Int32Array(memory, 4 * pieceWords, pieceWords),
    operandBytes: new Uint8Array(memory, 4 * pieceWords, 4 * pieceWords),
  };
}

/** Adds `words` to `target` modulo 2^32, in place; both of one length. */
export function addWords(target: Int32Array, words: Int32Array): void {
  const { target: sum, operand, add } = theKernel();
  for (let start = 0; start < target.length; start += pieceWords) {
    const end = Math.min(target.length, start + pieceWords);
    sum.set(target.subarray(start, end));
    operand.set(words.subarray(start, end));
    add(wholeSteps(end - start));
    target.set(sum.subarray(0, end - start), start);
  }
}

/** A key stream with the sign that it is added with; `next` gives its following bytes, as many as are asked for. */
export type SignedStream<Bytes extends Uint8Array = Uint8Array> = {
  readonly next: (bytes: number) => Bytes;
  readonly sign: 1 | -1;
};

/**
 * Adds the next words of every stream to one piece of at most {@link pieceWords}, in place. The piece is brought into the
 * cache once, whatever the number of streams.
 * @param release - told of bytes that are not needed any more
 */
export function addStreams<Bytes extends Uint8Array>(
  piece: Int32Array,
  streams: readonly SignedStream<Bytes>[],
  release: (bytes: Bytes) => void,
): void {
  const { target, operandBytes, add, subtract } = theKernel();
  const bytes = 4 * piece.length;
  target.set(piece);
  for (const { next, sign } of streams) {
    const words = next(bytes);
    operandBytes.set(words);
    release(words);
    if (sign === 1) add(wholeSteps(piece.length));
    else subtract(wholeSteps(piece.length));
  }
  piece.set(target.subarray(0, piece.length));
}

/** Overwrites what the last addition left: a contribution before its masks, or a key stream. */
export function wipeKernel(): void {
  const { target, operand } = theKernel();
  target.fill(0);
  operand.fill(0);
}

/** Bytes of that many words, up to whole steps of the kernel; what lies beyond the words is never read back. */
function wholeSteps(words: number): number {
  return (4 * words + 63) & ~63;
}
