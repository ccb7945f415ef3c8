/**
 * Names of adapters that compute a GPU's work on the processor: Chromium's SwiftShader, Mesa's llvmpipe, softpipe and lavapipe,
 * Windows' WARP, Apple's software renderer. They are slower than wasm by far and may be another's driver's test double.
 */
const software = /swiftshader|llvmpipe|softpipe|lavapipe|microsoft basic render|\bwarp\b|software/i;

/** Whether an adapter's names tell that there is no hardware behind it. */
export function isSoftwareAdapter(names: readonly (string | undefined)[]): boolean {
  return names.some((name) => name !== undefined && software.test(name));
}
