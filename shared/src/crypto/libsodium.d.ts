/** What is used of libsodium as WebAssembly, which comes without types. Numbers are addresses in its memory; 0 is success. */
declare module 'libsodium' {
  export type Libsodium = {
    /** The memory. A new view after it has grown. */
    readonly HEAPU8: Uint8Array;
    _sodium_init(): number;
    _malloc(bytes: number): number;
    _crypto_kem_mlkem768_seed_keypair(publicKey: number, secretKey: number, seed: number): number;
    _crypto_kem_mlkem768_enc_deterministic(
      ciphertext: number,
      secret: number,
      publicKey: number,
      coins: number,
    ): number;
    _crypto_kem_mlkem768_dec(secret: number, ciphertext: number, secretKey: number): number;
  };
  /** An instance with memory of its own. @param options - `getRandomValue`: 32 random bits, for its own generator */
  const create: (options: { readonly getRandomValue: () => number }) => Promise<Libsodium>;
  export default create;
}
