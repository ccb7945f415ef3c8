import { describe, expect, it } from 'vitest';
import { createSeededRandom, shuffle } from '../random/index.ts';
import { graphParametersFor } from './graph-parameters.ts';
import { createGraph, holdersIn, spreadFault } from './graph.ts';
import { colludersTolerated } from './index.ts';

const named = (n: number) => Array.from({ length: n }, (_, i) => i.toString(16).padStart(40, '0'));
const hash = (i: number) => i.toString(16).padStart(64, '0');

describe('the graph', () => {
  it('is complete up to 200 clients, the own share included', () => {
    const clients = named(200);
    const graph = createGraph(clients, hash(1));
    expect(graph).toEqual({ clients, threshold: 134, agreement: 134, ring: null });
    for (const holders of holdersIn(graph).values()) expect(holders).toBe(clients);
    expect(spreadFault(graph, new Set())).toBeNull();
  });

  it.each([201, 250, 251, 700, 1_000])('of %i clients gives each its k neighbours, both ways and in order', (n) => {
    const graph = createGraph(named(n), hash(n));
    const { neighbours, threshold, spread } = graphParametersFor(n);
    expect(graph).toMatchObject({ threshold, ring: { reach: neighbours / 2, spread } });
    const holders = holdersIn(graph);
    expect([...holders.keys()]).toEqual(graph.clients);
    const sets = new Map([...holders].map(([client, list]) => [client, new Set(list)]));
    for (const [client, list] of holders) {
      const fine =
        list.length === neighbours &&
        list.every((holder, i) => i === 0 || list[i - 1]! < holder) &&
        list.every((holder) => holder !== client && sets.get(holder)!.has(client));
      if (!fine) expect.fail(`the neighbours of ${client}`);
    }
    expect(holdersIn(graph, [graph.clients[5]!]).get(graph.clients[5]!)).toEqual(holders.get(graph.clients[5]!));
  });

  it('is another one for another roster, with every place equally likely', () => {
    const clients = named(210);
    const first = createGraph(clients, hash(1)).ring!.order;
    expect(createGraph(clients, hash(1)).ring!.order).toEqual(first);
    expect([...first].sort()).toEqual(clients);
    const counts = new Float64Array(210);
    for (let i = 0; i < 1_050; i++) counts[createGraph(clients, hash(i)).ring!.order.indexOf(clients[7]!)]!++;
    const chi = counts.reduce((sum, count) => sum + (count - 5) ** 2 / 5, 0);
    // 209 degrees of freedom, standard deviation 20.4: six of them on either side.
    expect(Math.abs(chi - 209)).toBeLessThan(123);
  });

  it('is the one that is written down', () => {
    const { order } = createGraph(named(201), hash(1)).ring!;
    expect(order.slice(0, 8).map((client) => Number(`0x${client}`))).toEqual(firstOfTheRing);
  });

  it('stays connected whatever drops out, unless k/2 in a row are gone in two places', () => {
    const graph = createGraph(named(300), hash(3));
    const { order, reach } = graph.ring!;
    const random = createSeededRandom('drops');
    for (let trial = 0; trial < 20; trial++) {
      // Two stretches of one less than k/2, and as many more anywhere as do not make them longer.
      const start = trial * 13;
      const gone = new Set<string>();
      for (let i = 0; i < reach - 1; i++) {
        gone.add(order[(start + i) % 300]!);
        gone.add(order[(start + 150 + i) % 300]!);
      }
      const ends = [start - 1, start + reach - 1, start + 149, start + 149 + reach].map(
        (place) => order[(place + 300) % 300]!,
      );
      for (const client of shuffle(random, order).slice(0, 60)) if (!ends.includes(client)) gone.add(client);
      expect(partsOf(graph.clients, holdersIn(graph), gone)).toBe(1);
      for (let i = 0; i < reach; i++) {
        gone.add(order[(start + i) % 300]!);
        gone.add(order[(start + 150 + i) % 300]!);
      }
      expect(partsOf(graph.clients, holdersIn(graph), gone)).toBeGreaterThan(1);
    }
  });

  it('A2: of 1,000 clients never has a tenth that collude among so many neighbours that two views open both secrets', () => {
    const random = createSeededRandom('corrupt');
    let most = 0;
    const graphs = Array.from({ length: 20 }, (_, i) => createGraph(named(1_000), hash(i)));
    for (let trial = 0; trial < 1_000; trial++) {
      const graph = graphs[trial % graphs.length]!;
      const { order, reach } = graph.ring!;
      const corrupt = new Set(shuffle(random, graph.clients).slice(0, colludersTolerated(1_000)));
      const marks = order.map((client) => Number(corrupt.has(client)));
      const at = (place: number) => marks[(place + 1_000) % 1_000]!;
      let near = 0;
      for (let step = -reach; step <= reach; step++) near += at(step);
      for (let place = 0; place < 1_000; place++) {
        // Corrupt holders give both, honest ones one of the two: best for the coordinator is half of them each.
        if (at(place) === 0) most = Math.max(most, near);
        near += at(place + reach + 1) - at(place - reach);
      }
    }
    expect(Math.floor((graphParametersFor(1_000).neighbours + most) / 2)).toBeLessThan(graphs[0]!.threshold);
    // The mean is 11.4: the trials came far into the tail.
    expect(most).toBeGreaterThan(22);
  });
});

describe('signers', () => {
  it('A3: are enough where every stretch has its number, and not where one has fewer', () => {
    const graph = createGraph(named(400), hash(4));
    const { order, reach, spread } = graph.ring!;
    expect(spreadFault(graph, new Set(order))).toBeNull();
    for (const start of [0, 17, 400 - reach, 399]) {
      const stretch = Array.from({ length: reach }, (_, i) => order[(start + i) % 400]!);
      const signers = new Set(order.filter((client) => !stretch.slice(spread).includes(client)));
      expect(spreadFault(graph, signers)).toBeNull();
      signers.delete(stretch[0]!);
      expect(spreadFault(graph, signers)).toMatch(`${spread - 1} of ${reach} clients`);
    }
  });
});

/** Connected parts of those who are not gone. */
function partsOf(
  clients: readonly string[],
  holders: ReadonlyMap<string, readonly string[]>,
  gone: ReadonlySet<string>,
): number {
  const seen = new Set(gone);
  let parts = 0;
  for (const client of clients) {
    if (seen.has(client)) continue;
    parts++;
    const queue = [client];
    seen.add(client);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const other of holders.get(next)!) {
        if (seen.has(other)) continue;
        seen.add(other);
        queue.push(other);
      }
    }
  }
  return parts;
}

/** Places in the roster, from 0, of the first eight on the ring of 201 clients under the hash 00…01; by another program. */
const firstOfTheRing = [75, 112, 40, 48, 176, 1, 181, 146];
