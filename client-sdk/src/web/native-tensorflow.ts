/** In the place of Node's in the bundle for browsers, which have no native build. */
export function loadNativeTensorflow(): null {
  return null;
}
