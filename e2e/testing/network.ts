import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A coordinator and silos in network namespaces of their own: a link from each silo to the coordinator, and no others. */
export type Network = {
  /** The coordinator's one address, the same for every silo. */
  readonly address: string;
  /** Words that run a command in a namespace. */
  readonly inCoordinator: readonly string[];
  readonly inSilo: (silo: number) => readonly string[];
  readonly siloAddress: (silo: number) => string;
  remove(): void;
};

/** What is missing for namespaces and captures, in words; null when everything is there. */
export function missingForNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const program of ['ip', 'ss', 'tcpdump']) {
    if (!['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) => existsSync(`${folder}/${program}`))) {
      return `${program} is missing: apt-get install iproute2 tcpdump`;
    }
  }
  const probe = `sotto-probe-${process.pid}`;
  try {
    ip(`netns add ${probe}`);
    ip(`netns del ${probe}`);
    return null;
  } catch (error) {
    return `ip netns add fails: ${String(error)}`;
  }
}

export function createNetwork(silos: number): Network {
  const name = `sotto-${process.pid}`;
  const all = ['c', ...Array.from({ length: silos }, (_, silo) => String(silo))].map((one) => `${name}-${one}`);
  const [coordinator = ''] = all;
  const address = '10.231.0.1';
  const remove = (): void => {
    // A namespace takes its links with it.
    for (const one of all) {
      try {
        ip(`netns del ${one}`);
      } catch {
        // It was not made, or is gone.
      }
    }
  };
  try {
    for (const one of all) {
      ip(`netns add ${one}`);
      ip(`-n ${one} link set lo up`);
    }
    ip(`-n ${coordinator} address add ${address}/32 dev lo`);
    for (let silo = 0; silo < silos; silo++) {
      const own = `${name}-${silo}`;
      const subnet = `10.231.${silo + 1}`;
      ip(`link add silo${silo} netns ${coordinator} type veth peer name eth0 netns ${own}`);
      ip(`-n ${coordinator} address add ${subnet}.1/30 dev silo${silo}`);
      ip(`-n ${coordinator} link set silo${silo} up`);
      ip(`-n ${own} address add ${subnet}.2/30 dev eth0`);
      ip(`-n ${own} link set eth0 up`);
      ip(`-n ${own} route add ${address}/32 via ${subnet}.1`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    address,
    inCoordinator: ['ip', 'netns', 'exec', coordinator],
    inSilo: (silo) => ['ip', 'netns', 'exec', `${name}-${silo}`],
    siloAddress: (silo) => `10.231.${silo + 1}.2`,
    remove,
  };
}

function ip(parameters: string): void {
  execFileSync('ip', parameters.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
}
