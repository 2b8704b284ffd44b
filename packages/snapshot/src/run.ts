import type { EventHub } from './event-hub.ts';

/**
 * Something that has been started: it runs whether or not anybody looks.
 *
 * - `await run.result` for the summary; it rejects with a SnapshotError.
 * - `for await (const event of run)` to watch. Iterating is optional and never slows the run down or makes it buffer: a slow
 *   reader misses old progress. The loop throws what `result` rejects with. Leaving the loop early does not stop the run.
 * - `await using run = …` stops the run at the end of the scope if it is still going.
 */
export interface Run<Event, Summary> extends AsyncIterable<Event>, AsyncDisposable {
  readonly result: Promise<Summary>;
}

/** Starts `work`. `signal` is the caller's; what `work` is given also fires when the run is disposed of. */
export function startRun<Event extends { readonly type: string }, Summary>(
  hub: EventHub<Event>,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<Summary>,
): Run<Event, Summary> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });

  const finish = async () => {
    try {
      const summary = await work(stop.signal);
      hub.end();
      return summary;
    } catch (error) {
      hub.end({ error });
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  };
  const result = finish();
  // The loop throws the failure, or the caller disposed of the run: nobody needs to look at `result` as well.
  const markHandled = () => result.then(ignore, ignore);

  return {
    result,
    [Symbol.asyncIterator]() {
      void markHandled();
      return hub.read();
    },
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('the run was disposed of'));
      await markHandled();
    },
  };
}

function ignore(): void {}
