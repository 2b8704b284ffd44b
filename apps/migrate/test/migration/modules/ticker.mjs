/** A guest of a user's: one number that grows, in shared memory. What it needs is in the documentation of --guest-module only. */
const PAGES = 16;

function running(memory) {
  const count = new Int32Array(memory.buffer, memory.byteOffset, 1);
  let timer;
  return {
    memory: new Map([['ticker', memory]]),
    async pause() {
      clearInterval(timer);
      timer = undefined;
    },
    async resume() {
      timer ??= setInterval(() => {
        count[0] += 1;
      }, 1);
    },
    save: () => Buffer.from(String(count[0])),
    async stop() {
      clearInterval(timer);
    },
  };
}

export default {
  name: 'test/ticker@1',
  async start() {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const guest = running(new Uint8Array(buffer, 0, PAGES * 4096));
    await guest.resume();
    return guest;
  },
  async load({ memory, state }) {
    const ticker = memory.get('ticker');
    const [count] = new Int32Array(ticker.buffer, ticker.byteOffset, 1);
    if (count !== Number(Buffer.from(state).toString()))
      throw new Error('the memory is not that of the state');
    return running(ticker);
  },
};
