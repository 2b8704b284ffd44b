import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
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
    context.onResolve({ filter: /^#(native|tracer)$/ }, ({ path: specifier, importer }) => ({
      path: createRequire(importer).resolve(specifier),
      external: true,
    }));
  },
};

/** What each test run bundles from source; side by side, as in dist, because main.js looks for the worker beside itself. */
const entries = {
  main: 'src/main.ts',
  'workload-worker': 'src/workloads/worker-main.ts',
  'lazy-worker': '../../packages/guests/src/lazy/worker-main.ts',
};

/**
 * Bundles the command line for tests that run it as a process, and the worker threads of the workloads for those that run from source
 * (src/workloads/worker-file.ts says why).
 *
 * Workspace packages are bundled from their sources, too, so that no build comes before a test; only the native addon has to be there.
 */
export default async function setup(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const { dependencies } = JSON.parse(await readFile(path.join(app, 'package.json'), 'utf8'));
  // Put in place by rename: another run in the same checkout may be starting a worker at this moment.
  const fresh = await mkdtemp(path.join(cache, 'build-'));
  try {
    await build({
      config: false,
      silent: true,
      entry: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, path.join(app, file)])),
      outDir: fresh,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      splitting: false,
      noExternal: [/^@stillframe\//],
      // Named here, because tsup reads the package.json of the folder that the run was started in.
      external: Object.keys(dependencies).filter((name) => !name.startsWith('@stillframe/')),
      esbuildOptions(options) {
        options.conditions = ['@stillframe/source'];
      },
      esbuildPlugins: [nativeAddons],
    });
    for (const name of Object.keys(entries)) {
      // oxlint-disable-next-line no-await-in-loop -- two files
      await rename(path.join(fresh, `${name}.js`), path.join(cache, `${name}.js`));
    }
  } finally {
    await rm(fresh, { recursive: true });
  }
}
