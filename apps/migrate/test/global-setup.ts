import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFromSource } from '@stillframe/tsup-config/bundle-from-source';

const app = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles the command line for tests that run it as a process, and the worker threads of the workloads for those that run from source
 * (src/workloads/worker-file.ts says why). Side by side, as in dist, because main.js looks for the workers beside itself.
 */
export default async function setup(): Promise<void> {
  const { dependencies } = JSON.parse(await readFile(path.join(app, 'package.json'), 'utf8'));
  await bundleFromSource(
    path.join(app, 'node_modules/.cache/workload-worker'),
    {
      main: path.join(app, 'src/main.ts'),
      'workload-worker': path.join(app, 'src/workloads/worker-main.ts'),
      'lazy-worker': path.join(app, '../../packages/guests/src/lazy/worker-main.ts'),
    },
    {
      noExternal: [/^@stillframe\//],
      // Named here, because tsup reads the package.json of the folder that the run was started in.
      external: Object.keys(dependencies).filter((name) => !name.startsWith('@stillframe/')),
    },
  );
}
