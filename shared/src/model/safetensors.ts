import { z } from 'zod';
import { SottoError } from '../errors/index.ts';
import { fromUtf8, utf8 } from '../vector/index.ts';
import type { NamedTensor } from './model-tensors.ts';
import { weightsFromBytes, weightsToBytes } from './weight-bytes.ts';

const headerMaxBytes = 100_000_000;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
const headerSchema = z.looseObject({ __metadata__: z.record(z.string(), z.string()).optional() });

/** What a safetensors file holds. */
export type SafetensorsFile = {
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
};

/**
 * A safetensors file of float32 tensors: header length (uint64), header (JSON, padded with spaces so that the data begin at a
 * multiple of 8), data, all little-endian. Equal arguments give equal bytes.
 *
 * @param metadata - text by name, for the file's `__metadata__`.
 * @see https://github.com/huggingface/safetensors#format
 * @throws {INVALID_INPUT} when a name is taken twice or reserved, or a shape does not match its values.
 */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [['__metadata__', metadata]];
  const names = new Set(['__metadata__']);
  let length = 0;
  for (const { name, shape, values } of tensors) {
    if (names.has(name)) throw new SottoError('INVALID_INPUT', `tensor ${name}: the name is taken`);
    names.add(name);
    requireShape(name, shape, values.length);
    entries.push([name, { dtype: 'F32', shape, data_offsets: [length, length + 4 * values.length] }]);
    length += 4 * values.length;
  }
  const json = utf8(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let offset = 8 + headerLength;
  for (const { values } of tensors) {
    bytes.set(weightsToBytes(values), offset);
    offset += 4 * values.length;
  }
  return bytes;
}

/**
 * The float32 tensors of a safetensors file, in the order of their data, in new memory.
 * @throws {INVALID_INPUT} when the file is damaged, its tensors overlap or leave gaps, or one is not float32.
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  if (bytes.length < 8) throw new SottoError('INVALID_INPUT', `safetensors: expected 8 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const announced = view.getBigUint64(0, true);
  if (announced > BigInt(Math.min(headerMaxBytes, bytes.length - 8))) {
    throw new SottoError('INVALID_INPUT', `safetensors: a header of ${announced} bytes in a file of ${bytes.length}`);
  }
  const data = bytes.subarray(8 + Number(announced));
  const { __metadata__: metadata = {}, ...rest } = parseHeader(fromUtf8(bytes.subarray(8, 8 + Number(announced))));
  const entries = Object.entries(rest)
    .map(([name, entry]) => ({ name, ...parseWith(entrySchema, entry, `tensor ${name}`) }))
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]);
  let end = 0;
  const tensors = entries.map(({ name, dtype, shape, data_offsets: [from, to] }) => {
    if (dtype !== 'F32') throw new SottoError('INVALID_INPUT', `tensor ${name}: expected F32, got ${dtype}`);
    if (from !== end || to < from || to > data.length || to % 4 !== 0) {
      throw new SottoError('INVALID_INPUT', `tensor ${name}: expected its data from ${end}, got ${from} to ${to}`);
    }
    end = to;
    requireShape(name, shape, (to - from) / 4);
    return { name, shape, values: weightsFromBytes(data.subarray(from, to)) };
  });
  if (end !== data.length) {
    throw new SottoError('INVALID_INPUT', `safetensors: the header names ${end} bytes of data, got ${data.length}`);
  }
  return { tensors, metadata };
}

function parseHeader(text: string): z.infer<typeof headerSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SottoError('INVALID_INPUT', 'safetensors: the header is not JSON');
  }
  return parseWith(headerSchema, value, 'safetensors header');
}

function parseWith<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `${what}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function requireShape(name: string, shape: readonly number[], length: number): void {
  const expected = shape.reduce((product, width) => product * width, 1);
  if (expected !== length) {
    throw new SottoError(
      'INVALID_INPUT',
      `tensor ${name}: the shape ${shape.join('×')} asks for ${expected} values, got ${length}`,
    );
  }
}
