import type { StartOptions } from '../client/client.ts';

type Options = Pick<StartOptions, 'battery' | 'network'>;

/** Why a client pauses: its owner, its battery, its line. */
export type Conditions = {
  /** The owner's own wish: a reason to pause, or null. Resolves when it is passed on. */
  readonly ask: (reason: string | null) => Promise<void>;
  readonly stop: () => void;
};

export type ConditionHandlers = {
  /** @param reason - why to pause; null: nothing stands against taking part. Called when it changes. */
  changed(reason: string | null): Promise<void> | void;
  /** A condition that was asked for cannot be seen here. */
  unknown(condition: 'battery' | 'network', reason: string): void;
};

/** What browsers have that the library of types does not know: Battery Status and Network Information. */
type MoreNavigator = {
  getBattery?(): Promise<EventTarget & { readonly charging: boolean }>;
  readonly connection?: EventTarget & { readonly type?: string; readonly saveData?: boolean };
};

/** Lines that are paid by volume. @see Network Information API, ConnectionType */
const metered = new Set(['cellular', 'wimax', 'bluetooth']);

/** Watches what a start asked for and says when to pause and when to go on. */
export function watchConditions(
  { battery = 'any', network = 'any' }: Options,
  handlers: ConditionHandlers,
  platform: MoreNavigator = navigator as MoreNavigator,
): Conditions {
  const stops: (() => void)[] = [];
  const reasons = { owner: null as string | null, battery: null as string | null, network: null as string | null };
  let said: string | null = null;
  let last: Promise<void> = Promise.resolve();

  function say(): Promise<void> {
    const reason = reasons.owner ?? reasons.battery ?? reasons.network;
    if (reason === said) return last;
    said = reason;
    last = Promise.resolve(handlers.changed(reason));
    return last;
  }

  function watch(source: EventTarget, event: string, look: () => void): void {
    source.addEventListener(event, look);
    stops.push(() => source.removeEventListener(event, look));
    look();
  }

  function watchNetwork(): void {
    const { connection } = platform;
    if (connection === undefined || (connection.type === undefined && connection.saveData === undefined)) {
      handlers.unknown('network', 'this browser does not tell what its line is');
      return;
    }
    watch(connection, 'change', () => {
      const saving = connection.saveData === true;
      const paid = metered.has(connection.type ?? '');
      reasons.network = saving ? 'the browser is set to save data' : paid ? 'the line is metered' : null;
      void say();
    });
  }

  async function watchBattery(): Promise<void> {
    const power = await platform.getBattery?.().catch(() => undefined);
    if (power === undefined) {
      handlers.unknown('battery', 'this browser does not tell whether its battery is in use');
      return;
    }
    watch(power, 'chargingchange', () => {
      reasons.battery = power.charging ? null : 'the battery is in use';
      void say();
    });
  }

  if (network === 'unmetered') watchNetwork();
  if (battery === 'charging') void watchBattery();
  return {
    ask(reason) {
      reasons.owner = reason;
      return say();
    },
    stop: () => stops.splice(0).forEach((stop) => stop()),
  };
}
