/**
 * The script that every worker thread of a workload starts from.
 *
 * All worker code hangs from worker-main.ts, an entry of its own in tsup.config.ts, so the app ships two files side by side:
 * dist/main.js, which contains this function, and dist/workload-worker.js. Under vitest this module is TypeScript source, which
 * a worker of Node 20 cannot load; test/global-setup.ts therefore bundles the same entry, from source, into the cache folder.
 */
export function workerFile(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../../node_modules/.cache/workload-worker/workload-worker.js', import.meta.url)
    : new URL('./workload-worker.js', import.meta.url);
}
