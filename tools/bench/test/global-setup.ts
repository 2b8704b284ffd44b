import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFromSource } from '@stillframe/tsup-config/bundle-from-source';

const here = fileURLToPath(new URL('..', import.meta.url));

/** Some of what migrate depends on is CommonJS. */
const CREATE_REQUIRE = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

/** Bundles our side's programs. */
export default async function setup(): Promise<void> {
  await bundleFromSource(
    path.join(here, 'node_modules/.cache/ours'),
    {
      ours: path.join(here, 'src/ours/main.ts'),
      migrate: path.join(here, '../../apps/migrate/src/main.ts'),
      'workload-worker': path.join(here, '../../apps/migrate/src/workloads/worker-main.ts'),
      'lazy-worker': path.join(here, '../../packages/guests/src/lazy/worker-main.ts'),
    },
    { banner: { js: CREATE_REQUIRE } },
  );
}
