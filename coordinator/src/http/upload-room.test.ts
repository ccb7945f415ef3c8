import { describe, expect, it } from 'vitest';
import { isSottoError, type SottoError } from '@sotto/shared/errors';
import { createManualClock } from '../testing/manual-clock.ts';
import { createUploadRoom, type UploadPlace } from './upload-room.ts';

const mebibyte = 2 ** 20;

function scene() {
  const clock = createManualClock();
  const room = createUploadRoom(clock, 64 * mebibyte);
  const enter = async (client: string, bytes: number) => {
    const seen = { client, place: null as UploadPlace | null, putOff: null as SottoError | null, words: 0 };
    const { place, giveUp } = room.enter({
      sender: client,
      bytes,
      waits: () => void seen.words++,
      putOff: (error) => {
        seen.putOff = error;
        // What a reader does that is told to stop.
        giveUp();
        seen.place?.leave(false);
      },
    });
    void place.then((come) => (seen.place = come));
    await settled();
    return Object.assign(seen, { giveUp });
  };
  const pass = async (seconds: number) => {
    const end = clock.now() + 1_000 * seconds;
    while (clock.next(end - clock.now())) await settled();
  };
  return { enter, pass };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the room of the uploads', () => {
  it('holds so many bytes at a time, in the order of asking, however many ask', async () => {
    const { enter } = scene();
    const guests: Awaited<ReturnType<typeof enter>>[] = [];
    for (let i = 0; i < 20; i++) guests.push(await enter(`c${i}`, 10 * mebibyte));
    const inside = () => guests.filter(({ place }) => place !== null).map(({ client }) => client);
    expect(inside()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'c5']);
    guests[3]!.place!.leave(true);
    await settled();
    expect(inside().at(-1)).toBe('c6');
    guests[7]!.giveUp();
    guests[0]!.place!.leave(true);
    await settled();
    expect(inside().at(-1)).toBe('c8');
    guests[0]!.place!.leave(true);
    await settled();
    expect(inside()).toHaveLength(8);
  });

  it('takes one that is larger than itself, alone', async () => {
    const { enter } = scene();
    const [large, small] = [await enter('a', 400 * mebibyte), await enter('b', 1)];
    expect([large.place === null, small.place === null]).toEqual([false, true]);
    large.place!.leave(true);
    await settled();
    expect(small.place).not.toBeNull();
  });

  it('puts off who is slow, but only while others wait, and has twice the patience the next time', async () => {
    const { enter, pass } = scene();
    const slow = await enter('slow', 60 * mebibyte);
    await pass(600);
    expect(slow.putOff).toBeNull();
    slow.place!.leave(false);

    const again = await enter('slow', 60 * mebibyte);
    const other = await enter('other', 60 * mebibyte);
    await pass(9);
    expect(again.putOff).toBeNull();
    await pass(3);
    expect(isSottoError(again.putOff, 'RATE_LIMITED')).toBe(true);
    expect(other.place).not.toBeNull();

    const third = await enter('slow', 60 * mebibyte);
    other.place!.leave(true);
    await settled();
    await enter('another', 60 * mebibyte);
    await pass(19);
    expect(third.putOff).toBeNull();
    await pass(3);
    expect(third.putOff).not.toBeNull();
  });

  it('keeps who is quick enough, and whose body is there, however long the work on it takes', async () => {
    const { enter, pass } = scene();
    const steady = await enter('steady', 60 * mebibyte);
    await enter('other', 60 * mebibyte);
    for (let second = 0; second < 60; second++) {
      steady.place!.arrived(mebibyte);
      await pass(1);
    }
    await pass(300);
    expect(steady.putOff).toBeNull();
  });

  it('gives one sender one place: what it began before makes way', async () => {
    const { enter } = scene();
    const [first, second] = [await enter('a', 60 * mebibyte), await enter('a', 60 * mebibyte)];
    expect(isSottoError(first.putOff, 'RATE_LIMITED')).toBe(true);
    expect(second.place).not.toBeNull();
    const [waiting, anew] = [await enter('b', 60 * mebibyte), await enter('b', 60 * mebibyte)];
    expect(waiting.putOff).not.toBeNull();
    second.place!.leave(true);
    await settled();
    expect([waiting.place, anew.place === null]).toEqual([null, false]);
  });

  it('tells those who wait, so that they do not give up', async () => {
    const { enter, pass } = scene();
    const inside = await enter('a', 60 * mebibyte);
    inside.place!.arrived(60 * mebibyte);
    const outside = await enter('b', 60 * mebibyte);
    await pass(60);
    expect(outside.words).toBeGreaterThan(4);
    expect(outside.words).toBeLessThan(8);
    expect(inside.words).toBe(0);
  });
});
