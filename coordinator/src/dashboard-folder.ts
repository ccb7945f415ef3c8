import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CoordinatorConfig } from './config.ts';

/** What a build of the dashboard leaves beside the coordinator's package, in a checkout and in the container. */
const builtFolder = fileURLToPath(new URL('../../dashboard/out', import.meta.url));

/** The folder of the dashboard to serve: the one that is set, else the built one if it is whole, else null. */
export function dashboardFolder(setting: CoordinatorConfig['dashboard'], built = builtFolder): string | null {
  if (setting === false) return null;
  if (setting !== undefined) return setting;
  return existsSync(join(built, 'csp.json')) ? built : null;
}
