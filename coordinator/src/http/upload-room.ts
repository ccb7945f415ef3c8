import { SottoError } from '@sotto/shared/errors';
import type { Clock } from '@sotto/shared/protocol';

/** What an upload must keep up while others wait, after its patience, in bytes a second. */
const paceBytesPerS = 1_048_576;

/** How long an upload may be as slow as it likes, in milliseconds; twice as long each time that it was put off, some times. */
const patienceMs = 10_000;
const doublings = 3;

/** How long an upload whose connection broke may keep its place while others wait, in milliseconds. */
const returnMs = 5_000;

/** How often the pace is looked at, in milliseconds. */
const lookEveryMs = 1_000;

/** How often whoever waits is told so, in milliseconds: less than the silence after which a client gives a connection up. */
const wordEveryMs = 10_000;

/** Senders that are remembered as put off. */
const rememberedMax = 1_000;

/** A place in the room, for one body. */
export type UploadPlace = {
  /** Counts what came. */
  arrived(bytes: number): void;
  /** The connection broke; the rest may come over another one. */
  pause(): void;
  /** The rest is coming. */
  goOn(): void;
  /** Ends the place; `done`: the whole body came. */
  leave(done: boolean): void;
};

/** What an upload brings when it asks for a place. */
export type UploadGuest = {
  /** The client and its session. */
  readonly sender: string;
  /** Length of the body that it announced or must have. */
  readonly bytes: number;
  /** It is still to wait. */
  waits(): void;
  /** It must leave: others wait and it is too slow, or its sender has begun anew. */
  putOff(error: SottoError): void;
};

export type UploadRoom = {
  /** Resolves, in the order of asking, when there is room. The returned function gives a place up that has not come yet. */
  enter(guest: UploadGuest): { readonly place: Promise<UploadPlace>; readonly giveUp: () => void };
};

type Waiting = { readonly guest: UploadGuest; readonly admit: (place: UploadPlace) => void };
type Held = {
  readonly guest: UploadGuest;
  readonly sinceMs: number;
  arrived: number;
  /** Since when its connection is broken; null: it is not. */
  pausedMs: number | null;
};

/** Whether both are of one client and session. */
const sameSender =
  (guest: UploadGuest) =>
  (other: { readonly guest: UploadGuest }): boolean =>
    other.guest.sender === guest.sender;

/**
 * Bounds the memory of uploads, whatever the cohort: a vector is added only when its hash and signature are known to be right, so
 * all of it is in memory once, and more than `roomBytes` of them never are. The others wait with their bytes
 * unread, which stops their senders. So that nobody can hold the room up, a client has one place in each of its sessions, and
 * an upload that is slow while others wait is put off and comes again, behind them, with twice the patience. One whose connection
 * broke keeps its place and what came, while others wait for a few seconds.
 *
 * @param roomBytes - a single upload has room however large it is
 */
export function createUploadRoom(clock: Clock, roomBytes: number): UploadRoom {
  const waiting: Waiting[] = [];
  const held = new Set<Held>();
  const putOffs = new Map<string, number>();
  let heldBytes = 0;
  let looking: (() => void) | null = null;
  let lastWordMs = 0;

  function admitNext(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (held.size > 0 && heldBytes + next.guest.bytes > roomBytes) break;
      waiting.shift();
      next.admit(placeFor(next.guest));
    }
    if (waiting.length > 0 && looking === null) look();
    if (waiting.length === 0) looking?.();
    if (waiting.length === 0) looking = null;
  }

  function placeFor(guest: UploadGuest): UploadPlace {
    const place: Held = { guest, sinceMs: clock.now(), arrived: 0, pausedMs: null };
    held.add(place);
    heldBytes += guest.bytes;
    return {
      arrived: (bytes) => {
        place.arrived += bytes;
      },
      pause: () => {
        place.pausedMs ??= clock.now();
      },
      goOn: () => {
        place.pausedMs = null;
      },
      leave: (done) => {
        if (!held.delete(place)) return;
        heldBytes -= guest.bytes;
        if (done) putOffs.delete(guest.sender);
        admitNext();
      },
    };
  }

  function look(): void {
    looking = clock.after(lookEveryMs, () => {
      looking = null;
      const now = clock.now();
      if (now - lastWordMs >= wordEveryMs) {
        lastWordMs = now;
        for (const { guest } of waiting) guest.waits();
      }
      for (const place of held) if (isSlow(place, now)) putOff(place);
      if (waiting.length > 0 && looking === null) look();
    });
  }

  function isSlow({ guest, sinceMs, arrived, pausedMs }: Held, now: number): boolean {
    if (pausedMs !== null && now - pausedMs >= returnMs) return true;
    const patience = patienceMs * 2 ** Math.min(doublings, putOffs.get(guest.sender) ?? 0);
    return arrived < guest.bytes && arrived < ((now - sinceMs - patience) / 1_000) * paceBytesPerS;
  }

  function putOff({ guest }: Held): void {
    const { sender } = guest;
    const times = (putOffs.get(sender) ?? 0) + 1;
    if (putOffs.size >= rememberedMax) putOffs.delete(putOffs.keys().next().value!);
    putOffs.set(sender, times);
    const reason = `client ${sender}: its upload is too slow while others wait; it may come again`;
    guest.putOff(new SottoError('RATE_LIMITED', reason));
  }

  return {
    enter(guest) {
      for (const earlier of [...waiting, ...held].filter(sameSender(guest))) {
        earlier.guest.putOff(new SottoError('RATE_LIMITED', `client ${guest.sender}: it has begun its upload anew`));
      }
      let entry: Waiting | null = null;
      const place = new Promise<UploadPlace>((resolve) => {
        entry = { guest, admit: resolve };
        waiting.push(entry);
      });
      admitNext();
      return {
        place,
        giveUp: () => {
          const at = entry === null ? -1 : waiting.indexOf(entry);
          if (at >= 0) waiting.splice(at, 1);
          admitNext();
        },
      };
    },
  };
}
