import { type ComplianceCase, complianceCase } from './case.ts';
import { changeCases } from './guest-changes.ts';
import { cutCases } from './guest-cut.ts';
import { grantCases } from './guest-grants.ts';
import { inlineCases } from './guest-inline.ts';
import { lifecycleCases } from './guest-lifecycle.ts';
import { overflowCases } from './guest-overflow.ts';
import { pullCases } from './guest-pull.ts';
import { type GuestComplianceOptions, type Setting, SMALL_STORE_BYTES } from './guest-under-test.ts';

/** What a `Guest` and its captures have to do. Each case makes its own guest and disposes of it. */
export function guestCompliance(options: GuestComplianceOptions): ComplianceCase[] {
  const groups = {
    ...changeCases,
    ...cutCases,
    ...pullCases,
    ...grantCases,
    ...lifecycleCases,
    ...overflowCases,
    ...inlineCases,
  };
  return Object.entries(groups)
    .filter(([name]) => options.notesChanges === true || !name.startsWith('changes:'))
    .map(([name, scenario]) =>
      complianceCase(name, skipReason(name, options), () => runScenario(scenario, options)),
    );
}

async function runScenario(
  scenario: (setting: Setting) => Promise<void>,
  { makeGuest, smallStoreBytes = SMALL_STORE_BYTES }: GuestComplianceOptions,
): Promise<void> {
  await using underTest = await makeGuest();
  const { guest, clock, untouched } = underTest;
  await scenario({
    guest,
    clock,
    smallStoreBytes,
    write: (region, page, bytes) => underTest.write(region, page, bytes),
    read: (region, page) => underTest.read(region, page),
    ...(untouched === undefined ? {} : { untouched }),
  });
}

function skipReason(name: string, { cannot = {} }: GuestComplianceOptions): string | undefined {
  if (name.startsWith('inline:')) return cannot.inline;
  if (name.startsWith('spill:')) return cannot.spill;
  if (
    name === 'memory that nobody ever touched comes as zero runs' ||
    name === 'the first write ever to a page is not shown'
  ) {
    return cannot.untouched;
  }
  return undefined;
}
