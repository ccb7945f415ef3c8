/** Whether a suite exchanges keys by ML-KEM as well. */
export function isHybrid(suite: string): boolean {
  return suite === 'x25519+mlkem768';
}
