/** Version of the wire protocol; part of every signed and derived byte string. */
export const protocolVersion = 1;

/**
 * Largest control message that a coordinator takes, in bytes of its JSON text: the dealing of a client to 200 holders in the hybrid
 * suite. On the ring each of a thousand clients deals to 114, and is sent 550 kB of roster.
 */
export const controlMessageMaxBytes = 786_432;

/** Largest blob or vector over HTTP, in bytes. */
export const blobMaxBytes = 1_073_741_824;

/** Largest revocation list over HTTP, in bytes of its JSON text: it holds up to 100,000 clients. */
export const revocationListMaxBytes = 8_388_608;

/** Largest difference between the two clocks that is not reported, in milliseconds. Clocks decide nothing but expiry. */
export const clockSkewMaxMs = 300_000;
