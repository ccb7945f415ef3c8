// npm run demo: installs and builds where needed, then runs the demonstration (npm run demo -- --help).
import { ensureBuilt, ensureDashboard, ensureInstalled } from './setup.mjs';

await ensureInstalled();
await ensureBuilt();
if (!process.argv.includes('--help')) await ensureDashboard();
const { demoMain } = await import('../simulation/dist/demo/main.js');
process.exit(await demoMain(process.argv.slice(2)));
