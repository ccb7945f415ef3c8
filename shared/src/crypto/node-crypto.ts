export function createNodeCrypto(): never {
  throw new Error('being written');
}
