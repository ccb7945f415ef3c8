import { fileURLToPath } from 'node:url';

/** A static export: the coordinator serves the files itself (docs/decisions/0002-dashboard-is-a-static-export.md). */
const nextConfig = {
  output: 'export',
  images: { unoptimized: true },
  poweredByHeader: false,
  // `npm run check` type-checks every workspace, this one among them, with one compiler and one configuration.
  typescript: { ignoreBuildErrors: true },
  // The lock file of the workspace root, never one further up the machine's tree.
  turbopack: { root: fileURLToPath(new URL('..', import.meta.url)) },
};

export default nextConfig;
