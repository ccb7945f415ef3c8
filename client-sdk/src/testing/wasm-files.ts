import { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** The folder with tfjs's `.wasm` files, for a test's server. */
export const wasmFiles = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
