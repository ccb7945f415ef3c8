import type { ClientNotice } from '@sotto/client/session';
import { planEpsilons, sessionEvent, slotsOfRound, type Plan } from '@sotto/shared/plan';
import type { LedgerCharge } from '@sotto/shared/privacy';
import type { ClientMessage } from '@sotto/shared/protocol';
import type { SessionHeader, Upload } from '@sotto/shared/secure-sum';

/** An upload that left a client. */
export type WitnessedUpload = { readonly client: string; readonly attempt: number; readonly acknowledged: boolean };

/**
 * Stands between each client's machine and the world, over all of the client's lives, and notes what must never happen: an
 * upload before its durable charge, a second answer to one request of a session, the same vector twice, both shares of one
 * dealer, an ε that falls.
 */
export class Witness {
  readonly violations: string[] = [];
  readonly #plan: Plan;
  readonly #headers = new Map<string, SessionHeader>();
  readonly #charged = new Set<string>();
  readonly #marks = new Map<string, number>();
  readonly #answers = new Set<string>();
  readonly #vectors = new Set<string>();
  readonly #given = new Map<string, string>();
  readonly #epsilon = new Map<string, number>();
  readonly #uploads = new Map<string, WitnessedUpload>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  get uploads(): readonly WitnessedUpload[] {
    return [...this.#uploads.values()];
  }

  /** The largest ε that a client's books ever showed; 0 before the first charge. */
  epsilonOf(client: string): number {
    return this.#epsilon.get(client) ?? 0;
  }

  sessionOpened(sessionId: string, header: SessionHeader): void {
    this.#headers.set(sessionId, header);
  }

  /** A client's books are on disk. */
  booked(client: string, charges: readonly LedgerCharge[], attempt: number): void {
    for (const charge of charges) {
      const key = chargeOf(client, charge.slot, charge.round, charge.attempt);
      if (this.#charged.has(key)) this.#violate(`charged twice: ${key}`);
      this.#charged.add(key);
    }
    const mark = this.#marks.get(client) ?? 0;
    if (attempt < mark) this.#violate(`client ${client}: the attempt mark fell from ${mark} to ${attempt}`);
    this.#marks.set(client, attempt);
  }

  /** An upload leaves the client's machine. */
  uploaded(client: string, upload: Upload): void {
    const header = this.#headers.get(upload.sessionId);
    if (header === undefined) return this.#violate(`client ${client} uploads for an unknown session`);
    const { round, attempt } = header;
    this.#once(client, upload.sessionId, 'upload');
    // In trusted mode nothing but the data and the coin make a vector, so two may be alike.
    if (this.#plan.trust !== 'trusted' && this.#vectors.has(upload.vectorHash)) {
      this.#violate(`client ${client}: a vector left twice, attempt ${attempt}`);
    }
    this.#vectors.add(upload.vectorHash);
    if (this.#uploads.has(`${client}/${attempt}`)) {
      this.#violate(`client ${client} is in two sums of attempt ${attempt}`);
    }
    this.#uploads.set(`${client}/${attempt}`, { client, attempt, acknowledged: false });
    if ((this.#marks.get(client) ?? 0) < attempt) {
      this.#violate(`client ${client}: an upload of attempt ${attempt} left before its mark was on disk`);
    }
    if (this.#plan.privacy.kind === 'none') return;
    for (const slot of header.slots) {
      // Nothing of the client is in a sum that costs it nothing.
      if (sessionEvent(this.#plan, slot, round, client) === null) continue;
      if (!this.#charged.has(chargeOf(client, slot, round, attempt))) {
        this.#violate(`client ${client}: an upload of attempt ${attempt} left before its ${slot} charge was on disk`);
      }
    }
  }

  /** The coordinator took an upload on. */
  acknowledged(client: string, sessionId: string, chargedAttempts: ReadonlySet<number>): void {
    const attempt = this.#headers.get(sessionId)?.attempt ?? 0;
    const upload = this.#uploads.get(`${client}/${attempt}`);
    if (upload === undefined) return this.#violate(`client ${client}: an upload was taken on that never left it`);
    this.#uploads.set(`${client}/${attempt}`, { ...upload, acknowledged: true });
    if (!chargedAttempts.has(attempt)) {
      this.#violate(`attempt ${attempt}: the coordinator took an upload on before its charge was on disk`);
    }
  }

  /** A control message leaves the client's machine. */
  sent(client: string, message: ClientMessage): void {
    if (message.type === 'runAccept' || message.type === 'runRefuse' || message.type === 'sessionLeave') return;
    if (message.type === 'device')
      return this.#violate(`client ${client}: told its device, which no policy here allows`);
    this.#once(client, message.sessionId, message.type);
    if (message.type !== 'unmask') return;
    for (const { dealer, kind } of message.shares) {
      const key = `${client}/${message.sessionId}/${dealer}`;
      const before = this.#given.get(key);
      if (before !== undefined) this.#violate(`holder ${client} gave a ${before} and a ${kind} share of ${dealer}`);
      this.#given.set(key, kind);
    }
  }

  notified(client: string, notice: ClientNotice): void {
    if (notice.type !== 'charged' || notice.epsilonAfter === null) return;
    const before = this.epsilonOf(client);
    const costs = slotsOfRound(this.#plan, notice.round).some(
      (slot) => sessionEvent(this.#plan, slot, notice.round, client) !== null,
    );
    // At unit = record the worst part's ε is told: it stays where a round costs another part, which has spent less.
    const mayStay = !costs || (this.#plan.unit === 'record' && planEpsilons(this.#plan).length > 1);
    const rises = notice.epsilonAfter > before;
    if ((!costs && rises) || (!rises && !(mayStay && notice.epsilonAfter === before))) {
      this.#violate(`client ${client}: epsilon went from ${before} to ${notice.epsilonAfter} with a charge`);
    }
    this.#epsilon.set(client, Math.max(before, notice.epsilonAfter));
  }

  #once(client: string, sessionId: string, type: string): void {
    const key = `${client}/${sessionId}/${type}`;
    if (this.#answers.has(key)) this.#violate(`client ${client} sent a second ${type} in session ${sessionId}`);
    this.#answers.add(key);
  }

  #violate(what: string): void {
    this.violations.push(what);
  }
}

function chargeOf(client: string, slot: string, round: number, attempt: number): string {
  return `client ${client}, ${slot}, round ${round}, attempt ${attempt}`;
}
