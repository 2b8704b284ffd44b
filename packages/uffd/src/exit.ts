/** Something that must not outlive the thread's JavaScript. */
interface Closable {
  close(): void;
}

const open = new Set<WeakRef<Closable>>();
let listening = false;

/**
 * Closes `handle` when this thread's JavaScript exits. Node joins its worker threads before it tears down the addon, so a worker that
 * sleeps in a page fault would hang the exit for ever if the userfaultfd were still open then (I-4).
 */
export function closeAtExit(handle: Closable): void {
  if (!listening) {
    listening = true;
    process.once('exit', () => {
      for (const reference of open) reference.deref()?.close();
    });
  }
  for (const reference of open) if (reference.deref() === undefined) open.delete(reference);
  open.add(new WeakRef(handle));
}
