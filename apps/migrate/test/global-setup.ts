import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Options } from 'tsup';

const app = fileURLToPath(new URL('..', import.meta.url));
const cache = path.join(app, 'node_modules/.cache/workload-worker');

/** A package finds its addon from the folder it lies in, so the loader stays where it is. */
const nativeAddons: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'native-addons',
  setup(context) {
    context.onResolve({ filter: /^#native$/ }, ({ path: specifier, importer }) => ({
      path: createRequire(importer).resolve(specifier),
      external: true,
    }));
  },
};

/**
 * Bundles the worker threads of the workloads for tests that run from source (src/workloads/worker-file.ts says why).
 *
 * Workspace packages are bundled from their sources, too, so that no build comes before a test; only the native addon has to be there.
 */
export default async function setup(): Promise<void> {
  await mkdir(cache, { recursive: true });
  // Put in place by rename: another run in the same checkout may be starting a worker at this moment.
  const fresh = await mkdtemp(path.join(cache, 'build-'));
  try {
    await build({
      config: false,
      silent: true,
      entry: { 'workload-worker': path.join(app, 'src/workloads/worker-main.ts') },
      outDir: fresh,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      splitting: false,
      noExternal: [/^@stillframe\//],
      esbuildOptions(options) {
        options.conditions = ['@stillframe/source'];
      },
      esbuildPlugins: [nativeAddons],
    });
    await rename(path.join(fresh, 'workload-worker.js'), path.join(cache, 'workload-worker.js'));
  } finally {
    await rm(fresh, { recursive: true });
  }
}
