/** What arrived of a blob so far, over however many broken connections. */
export type PartialBody = {
  /** Bytes so far. */
  readonly length: number;
  /** Whether bytes of more than one answer were put together: then only the hash tells that they belong together. */
  readonly resumed: boolean;
  /** Headers that ask for the rest; none at the beginning. */
  headers(): Readonly<Record<string, string>>;
  /**
   * Takes an answer's status and range; true when its bytes belong here. A whole answer (200) begins anew; one of a range (206)
   * goes on only where the bytes so far end.
   */
  begin(status: number, contentRange: string | undefined): boolean;
  push(chunk: Uint8Array): void;
  clear(): void;
  bytes(): Uint8Array;
};

/** Nothing has arrived. */
export function createPartialBody(): PartialBody {
  let chunks: Uint8Array[] = [];
  let length = 0;
  let resumed = false;
  const clear = (): void => {
    chunks = [];
    length = 0;
    resumed = false;
  };
  return {
    get length() {
      return length;
    },
    get resumed() {
      return resumed;
    },
    headers(): Record<string, string> {
      return length === 0 ? {} : { range: `bytes=${length}-` };
    },
    begin(status, contentRange) {
      if (status === 200) {
        clear();
        return true;
      }
      if (status !== 206 || length === 0 || !contentRange?.startsWith(`bytes ${length}-`)) return false;
      resumed = true;
      return true;
    },
    push(chunk) {
      chunks.push(chunk);
      length += chunk.length;
    },
    clear,
    bytes() {
      if (chunks.length === 1) return chunks[0]!;
      const whole = new Uint8Array(length);
      let at = 0;
      for (const chunk of chunks) {
        whole.set(chunk, at);
        at += chunk.length;
      }
      // Joined once: the pieces and the whole need not both stay.
      chunks = [whole];
      return whole;
    },
  };
}
