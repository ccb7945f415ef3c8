import type { NodeNotice } from '../node-config.ts';

/** What happens at a client, for its own screen alone. */
export type Notice =
  | NodeNotice
  /** Another tab or process of this device has the store, and takes part; this one waits until it ends. */
  | { readonly type: 'elsewhere' }
  /**
   * Whether the browser promises not to clear the store by itself. Where it does not, a store that it clears takes the books with
   * it: what was spent on these data before is then forgotten here.
   */
  | { readonly type: 'storage'; readonly persistent: boolean }
  /** A condition that was asked for cannot be seen on this platform, so it does not pause anything. */
  | { readonly type: 'conditionUnknown'; readonly condition: 'battery' | 'network'; readonly reason: string };
