/** The blobs that one release made. */
export type ReleaseBlobs = { readonly sum: string; readonly model: string; readonly state: string };

/** Newest models that stay: what clients may still be fetching, and what an operator may want to go back to. */
const modelsKept = 3;

/**
 * Which blobs of a run are needed. Sums are the record from which a replay recomputes everything, so all of them stay; of
 * models the first, the newest and the best stay, of the server's states the newest, from which a restart goes on.
 */
export type BlobRetention = {
  /** Whether the run needs a blob. */
  keeps(hash: string): boolean;
  /** Notes a group's sum that is durable. */
  groupReleased(sum: string): void;
  /** Notes the best model that was evaluated; returns what it made needless: the one before, if nothing else needs it. */
  best(model: string): readonly string[];
  /** Notes a release that is durable; returns what it made needless. */
  released(blobs: ReleaseBlobs): readonly string[];
};

/** Of a run that has just begun. */
export function createBlobRetention(firstModel: string): BlobRetention {
  const sums = new Set<string>();
  let models: readonly string[] = [];
  let state: string | null = null;
  let best: string | null = null;

  const keeps = (hash: string) =>
    hash === firstModel || hash === best || hash === state || models.includes(hash) || sums.has(hash);
  return {
    keeps,
    groupReleased: (sum) => void sums.add(sum),
    best(model) {
      const before = best;
      best = model;
      return before === null || keeps(before) ? [] : [before];
    },
    released(blobs) {
      const before = state === null ? models : [...models, state];
      models = [...models, blobs.model].slice(-modelsKept);
      state = blobs.state;
      sums.add(blobs.sum);
      return before.filter((hash) => !keeps(hash));
    },
  };
}
