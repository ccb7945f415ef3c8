import { sha256, signedBytes } from '../crypto/index.ts';
import { shuffle, type RandomSource } from '../random/index.ts';
import { graphParametersFor } from './graph-parameters.ts';
import { completeGraphMaxClients, sharesNeeded, thresholdFor } from './parameters.ts';

/**
 * Who shares masks with whom. Up to 200 clients everybody does; more stand on a ring, in an order drawn from the roster's hash,
 * and each has the k/2 next ones on either side as its neighbours (a Harary graph). Both ends draw it for themselves.
 * @see Bell et al. 2020, "Secure Single-Server Aggregation with (Poly)Logarithmic Overhead", §3
 */
export type SumGraph = {
  /** The roster in order: a client's place in it, from 1, is the x of the shares that it holds. */
  readonly clients: readonly string[];
  /** t: shares that rebuild a secret. */
  readonly threshold: number;
  /** Clients that have to have signed the same sets before anybody gives a share. */
  readonly agreement: number;
  /** Null for the complete graph. */
  readonly ring: {
    readonly order: readonly string[];
    /** k/2: clients that follow one another and are all neighbours of the next. */
    readonly reach: number;
    /** Fewest signers among any `reach` that follow one another. */
    readonly spread: number;
  } | null;
};

/** The graph of a roster. @param clients - sorted */
export function createGraph(clients: readonly string[], rosterHash: string): SumGraph {
  const n = clients.length;
  const base = { clients, threshold: sharesNeeded(n), agreement: thresholdFor(n) };
  if (n <= completeGraphMaxClients) return { ...base, ring: null };
  const { neighbours, spread } = graphParametersFor(n);
  return { ...base, ring: { order: shuffle(hashStream(rosterHash), clients), reach: neighbours / 2, spread } };
}

/**
 * Who holds the shares of each client, sorted: on the complete graph all, itself among them; on the ring its neighbours, and not
 * itself, so that each of them is one holder of k. Whose shares a client holds is the same list.
 * @param of - for these clients only
 */
export function holdersIn(
  { clients, ring }: SumGraph,
  of: readonly string[] = clients,
): ReadonlyMap<string, readonly string[]> {
  if (ring === null) return new Map(of.map((client) => [client, clients]));
  const { order, reach } = ring;
  const n = order.length;
  const places = new Map(order.map((client, place) => [client, place]));
  return new Map(
    of.flatMap((client) => {
      const place = places.get(client);
      if (place === undefined) return [];
      const near = Array.from({ length: reach }, (_, i) => i + 1);
      const neighbours = near.flatMap((step) => [order[(place + step) % n]!, order[(place + n - step) % n]!]);
      return [[client, neighbours.sort()]];
    }),
  );
}

/**
 * Why these signers are too unevenly spread for their agreement to bind the whole ring, or null. With so many in each stretch an
 * honest one is among them, and so any two parts of the ring are bound by a mask between honest signers.
 */
export function spreadFault({ ring }: SumGraph, signers: ReadonlySet<string>): string | null {
  if (ring === null) return null;
  const { order, reach, spread } = ring;
  const n = order.length;
  let present = 0;
  for (let place = 0; place < n + reach; place++) {
    if (signers.has(order[place % n]!)) present++;
    if (place >= reach && signers.has(order[place - reach]!)) present--;
    if (place >= reach && present < spread) {
      return `${present} of ${reach} clients that follow one another on the ring agreed, ${spread} are needed`;
    }
  }
  return null;
}

/** Public randomness: SHA-256 over the seed and a counter. It fixes when the last client's fresh keys are in the roster. */
function hashStream(seed: string): RandomSource {
  let block = new DataView(new ArrayBuffer(0));
  let [at, blocks] = [0, 0];
  const word = (): number => {
    if (at === block.byteLength) {
      block = new DataView(new Uint8Array(sha256(signedBytes('secure-sum/graph', seed, blocks++))).buffer);
      at = 0;
    }
    at += 4;
    return block.getUint32(at - 4, true);
  };
  return {
    secure: false,
    words: (target) => void target.forEach((_, i) => (target[i] = word())),
    bytes: (length) => Uint8Array.from({ length }, () => word() & 255),
  };
}
