// npm run build: compiles the workspaces and bundles the node, after set-up.
import { ensureBuilt, ensureInstalled } from './setup.mjs';

await ensureInstalled();
await ensureBuilt();
