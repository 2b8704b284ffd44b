/**
 * The script of the thread that fills pages: dist/lazy-worker.js, next to dist/lazy.js. From source it is where the tests build it,
 * because a thread of Node 20 cannot load TypeScript.
 */
export function workerFile(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('../../node_modules/.cache/lazy-worker/lazy-worker.js', import.meta.url)
    : new URL('./lazy-worker.js', import.meta.url);
}
