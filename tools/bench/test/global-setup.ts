import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Options } from 'tsup';

const here = fileURLToPath(new URL('..', import.meta.url));
const cache = path.join(here, 'node_modules/.cache/ours');

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

const CREATE_REQUIRE = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

/** Bundles our side's programs from source, so that no build comes before a test; only the native addons have to be there. */
export default async function setup(): Promise<void> {
  await mkdir(cache, { recursive: true });
  // Put in place by rename: another run in the same checkout may be starting it at this moment.
  const fresh = await mkdtemp(path.join(cache, 'build-'));
  try {
    await build({
      config: false,
      silent: true,
      entry: {
        ours: path.join(here, 'src/ours/main.ts'),
        migrate: path.join(here, '../../apps/migrate/src/main.ts'),
        'workload-worker': path.join(here, '../../apps/migrate/src/workloads/worker-main.ts'),
        'lazy-worker': path.join(here, '../../packages/guests/src/lazy/worker-main.ts'),
      },
      outDir: fresh,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      splitting: false,
      noExternal: [/.*/],
      esbuildOptions(options) {
        options.conditions = ['@stillframe/source'];
        // Some of what migrate depends on is CommonJS.
        options.banner = { js: CREATE_REQUIRE };
      },
      esbuildPlugins: [nativeAddons],
    });
    for (const name of ['ours.js', 'migrate.js', 'workload-worker.js', 'lazy-worker.js']) {
      // oxlint-disable-next-line no-await-in-loop -- four files
      await rename(path.join(fresh, name), path.join(cache, name));
    }
  } finally {
    await rm(fresh, { recursive: true });
  }
}
