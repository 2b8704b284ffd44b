import { allHold, Finding } from '../findings.ts';
import { GUEST_PAGE_BYTES } from '../guest-memory.ts';
import { VerifyBudget } from '../verify-budget.ts';
import type { Oracle, OracleReport, VerifyOptions, WorkloadImage } from '../workload.ts';
import { COUNTER_KIND, COUNTER_REGION, type CounterState, readCounterState } from './counter-state.ts';
import { DOUBLES_PER_PAGE, DOUBLES_PER_STAMP_SPACING, STAMPS_PER_PAGE, stampPage } from './stamp.ts';

/** 64 MiB: a few hundredths of a second. */
const PAGES_BETWEEN_BREATHS = 16_384;

/**
 * Every byte of every page is what the last write before the cut left there.
 *
 * The ledger says which write that was. So a page is compared whole with the one page it may be, and only a page that differs
 * is looked at more closely, to say how it is wrong.
 */
export const counterOracle: Oracle = {
  kind: COUNTER_KIND,
  async verify(image: WorkloadImage, options?: VerifyOptions): Promise<OracleReport> {
    const state = readCounterState(image.state);
    const region = image.regions.get(COUNTER_REGION);
    const sizeBytes = state.pageCount * GUEST_PAGE_BYTES;
    if (region?.byteLength !== sizeBytes) {
      const detail = `the state speaks of ${sizeBytes} bytes, region ${COUNTER_REGION} has ${region?.byteLength ?? 'none'}`;
      return { ok: false, cut: state.cut, checks: [{ name: 'memory-size', ok: false, detail }] };
    }
    const findings = new PageFindings(state);
    await comparePages(region, state, findings, new VerifyBudget(options));
    const size = { name: 'memory-size', ok: true, detail: `${state.pageCount} pages` };
    const checks = [size, ...findings.checks()];
    return { ok: allHold(checks), cut: state.cut, checks };
  },
};

async function comparePages(
  region: Uint8Array,
  state: CounterState,
  findings: PageFindings,
  budget: VerifyBudget,
): Promise<void> {
  const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
  const written = Buffer.alloc(GUEST_PAGE_BYTES);
  const untouched = Buffer.alloc(GUEST_PAGE_BYTES);
  const stamps = new Float64Array(written.buffer, written.byteOffset, DOUBLES_PER_PAGE);
  for (let page = 0; page < state.pageCount; page++) {
    // oxlint-disable-next-line no-await-in-loop -- this is where the loop can be ended
    if (page % PAGES_BETWEEN_BREATHS === 0) await budget.breathe();
    const last = state.ledger[page]!;
    if (last !== 0) stampPage(stamps, 0, page, last);
    const expected = last === 0 ? untouched : written;
    const start = page * GUEST_PAGE_BYTES;
    const equal = bytes.compare(expected, 0, GUEST_PAGE_BYTES, start, start + GUEST_PAGE_BYTES) === 0;
    findings.add(page, equal ? undefined : bytes.subarray(start, start + GUEST_PAGE_BYTES));
  }
}

class PageFindings {
  readonly #state: CounterState;
  readonly #torn = new Finding('pages-untorn', 'all stamps of each page agree');
  readonly #misplaced = new Finding('pages-in-place', 'each page is where it was written');
  readonly #stale = new Finding('no-stale-page', 'no page is older than its last write before the cut');
  readonly #late = new Finding('no-late-page', 'no page was written after the cut');
  readonly #foreign = new Finding('no-foreign-bytes', 'nothing else is in the memory');
  #newest = 0;

  constructor(state: CounterState) {
    this.#state = state;
  }

  /** `differing` is the page where it is not as the ledger says. */
  add(page: number, differing: Buffer | undefined): void {
    const last = this.#state.ledger[page]!;
    if (!differing) {
      this.#newest = Math.max(this.#newest, last);
      return;
    }
    const sequence = differing.readDoubleLE(0);
    const place = differing.readDoubleLE(8);
    const is = `page ${page} is of write ${sequence}, its last before the cut is ${last}`;
    if (!stampsAgree(differing)) this.#torn.add(() => `page ${page} mixes two writes`);
    else if (sequence !== 0 && place !== page) this.#misplaced.add(() => `page ${page} holds page ${place}`);
    else if (sequence < last) this.#stale.add(() => is);
    else if (sequence > last) this.#late.add(() => is);
    else this.#foreign.add(() => `page ${page} holds bytes that no write put there`);
  }

  checks() {
    const reached = new Finding('cut-reached', `the newest page is of write ${this.#newest}`);
    if (this.#newest !== this.#state.cut) {
      reached.add(() => `the newest good page is of write ${this.#newest}, the cut is ${this.#state.cut}`);
    }
    return [this.#torn, this.#misplaced, this.#stale, this.#late, this.#foreign, reached].map((finding) =>
      finding.check(),
    );
  }
}

function stampsAgree(page: Buffer): boolean {
  const spacing = DOUBLES_PER_STAMP_SPACING * 8;
  const first = page.subarray(0, 16);
  for (let stamp = 1; stamp < STAMPS_PER_PAGE; stamp++) {
    if (!first.equals(page.subarray(stamp * spacing, stamp * spacing + 16))) return false;
  }
  return true;
}
