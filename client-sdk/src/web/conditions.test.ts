import { describe, expect, it } from 'vitest';
import { watchConditions } from './conditions.ts';

class Power extends EventTarget {
  charging = false;
}
class Line extends EventTarget {
  type: string | undefined = 'wifi';
  saveData = false;
}

function watched(
  options: Parameters<typeof watchConditions>[0],
  platform: NonNullable<Parameters<typeof watchConditions>[2]>,
) {
  const said: (string | null)[] = [];
  const unknown: string[] = [];
  const conditions = watchConditions(
    options,
    { changed: (reason) => void said.push(reason), unknown: (condition) => void unknown.push(condition) },
    platform,
  );
  return { said, unknown, conditions };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

describe('watchConditions', () => {
  it('pauses on battery and goes on with the charger', async () => {
    const power = new Power();
    const { said, conditions } = watched({ battery: 'charging' }, { getBattery: async () => power });
    await turn();
    power.charging = true;
    power.dispatchEvent(new Event('chargingchange'));
    expect(said).toEqual(['the battery is in use', null]);
    conditions.stop();
    power.charging = false;
    power.dispatchEvent(new Event('chargingchange'));
    expect(said).toHaveLength(2);
  });

  it('pauses on a metered line, and where data are to be saved', () => {
    const line = new Line();
    const { said } = watched({ network: 'unmetered' }, { connection: line });
    const change = (next: Partial<Line>) => {
      Object.assign(line, next);
      line.dispatchEvent(new Event('change'));
    };
    change({ type: 'cellular' });
    change({ type: 'cellular' });
    change({ type: 'wifi', saveData: true });
    change({ saveData: false });
    expect(said).toEqual(['the line is metered', 'the browser is set to save data', null]);
  });

  it('says so where the platform tells nothing, and pauses nothing for it', async () => {
    const { said, unknown } = watched({ battery: 'charging', network: 'unmetered' }, {});
    await turn();
    expect([said, unknown]).toEqual([[], ['network', 'battery']]);
    const withheld = watched({ battery: 'charging' }, { getBattery: () => Promise.reject(new Error('not allowed')) });
    await turn();
    expect(withheld.unknown).toEqual(['battery']);
    // Chromium on a desktop has the object and tells no kind of line.
    const silent = watched({ network: 'unmetered' }, { connection: Object.assign(new EventTarget(), {}) });
    expect(silent.unknown).toEqual(['network']);
  });

  it('keeps the owner’s pause, whatever else changes', async () => {
    const power = Object.assign(new Power(), { charging: true });
    const { said, conditions } = watched({ battery: 'charging' }, { getBattery: async () => power });
    await turn();
    await conditions.ask('paused by its owner');
    power.charging = false;
    power.dispatchEvent(new Event('chargingchange'));
    await conditions.ask(null);
    power.charging = true;
    power.dispatchEvent(new Event('chargingchange'));
    expect(said).toEqual(['paused by its owner', 'the battery is in use', null]);
  });
});
