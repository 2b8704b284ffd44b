import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Probe, pageSize, probe, type TierName } from '../src/index.ts';
import { type Outcome, type TierFacts, tiersOf } from '../src/tiers.ts';
import { lacks, machine } from './kernel.ts';
import { Stage } from './stage.ts';

const NOBODY = 65_534;
const TIERS: TierName[] = ['sync-wp', 'sync-wp-user', 'async-wp', 'stop-and-copy'];

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('probe', () => {
  test('describes this machine', () => {
    expect(machine).toMatchObject({ kernel: release(), architecture: process.arch, pageSize });
    expect(machine.tiers.map((tier) => tier.name)).toEqual(TIERS);
    expect(machine.tiers.at(-1)).toMatchObject({ available: true, reason: null, remedy: null });
    expect(machine.tiers.find((tier) => tier.available)?.name).toBe(machine.bestTier);
    const sysctl = readFileSync('/proc/sys/vm/unprivileged_userfaultfd', 'utf8').trim();
    expect(String(machine.privileges.unprivilegedUserfaultfd)).toBe(sysctl);
    expect(machine.privileges.effectiveUserId).toBe(process.geteuid?.());
  });

  test('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(machine))).toEqual(machine);
  });

  test('leaves nothing behind', () => {
    const before = openDescriptors();
    probe();
    expect(openDescriptors()).toBe(before);
  });

  test.skipIf(lacks(machine.pagemapScan.outcome.ok, 'no PAGEMAP_SCAN'))(
    'the scan gets the basics right',
    () => {
      expect(machine.pagemapScan.selfTest).toMatchObject({
        writtenReported: true,
        cleanOmitted: true,
        rearmed: true,
      });
    },
  );
});

describe('without privilege', () => {
  let stage: Stage;
  let nobody: Probe;
  const notRoot = process.geteuid?.() !== 0;
  beforeAll(() => {
    if (notRoot) return;
    stage = new Stage();
    const text = `import { probe } from '@stillframe/uffd'; console.log(JSON.stringify(probe()));`;
    nobody = JSON.parse(stage.run(text, { uid: NOBODY }));
  });
  afterAll(() => {
    if (!notRoot) stage[Symbol.dispose]();
  });

  const locked = machine.privileges.unprivilegedUserfaultfd === 0;
  test.skipIf(lacks(!notRoot && locked, 'needs root, and vm.unprivileged_userfaultfd=0'))(
    'nobody is told why and what to do',
    () => {
      expect(nobody.privileges).toMatchObject({ effectiveUserId: NOBODY, sysPtrace: false });
      expect(nobody.open).toMatchObject({
        syscall: { ok: false, code: 'UFFD_EPERM' },
        device: { ok: false, code: 'UFFD_EACCES' },
        userModeOnly: { ok: true },
      });
      const [sync, user] = nobody.tiers;
      expect(sync).toMatchObject({ available: false, reason: 'userfaultfd: EPERM' });
      for (const way of ['/dev/userfaultfd', 'vm.unprivileged_userfaultfd', 'CAP_SYS_PTRACE', 'seccomp']) {
        expect(sync?.remedy).toContain(way);
      }
      expect(user).toMatchObject({ name: 'sync-wp-user', available: true });
      expect(nobody.bestTier).toBe('sync-wp-user');
      expect(nobody.features).toEqual(machine.features);
    },
  );

  // setpriv is of util-linux; it gives a single capability to a user who is not root.
  test.skipIf(lacks(!notRoot && locked && existsSync('/usr/bin/setpriv'), 'needs root and setpriv')).each([
    ['sys_ptrace', { syscall: { ok: true }, device: { ok: false } }, true],
    // Stands for file permissions on the device.
    ['dac_override', { syscall: { ok: false }, device: { ok: true } }, false],
  ])('one capability alone opens the first tier: %s', (capability, open, sysPtrace) => {
    const through = [
      'setpriv',
      '--reuid=65534',
      '--clear-groups',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ];
    const text = `import { probe } from '@stillframe/uffd'; console.log(JSON.stringify(probe()));`;
    const found: Probe = JSON.parse(stage.run(text, { through }));
    expect(found.privileges).toMatchObject({ effectiveUserId: NOBODY, sysPtrace });
    expect(found.open).toMatchObject(open);
    expect(found.bestTier).toBe('sync-wp');
  });

  const noScan = !machine.pagemapScan.outcome.ok || notRoot;
  test.skipIf(lacks(!noScan, 'needs root and PAGEMAP_SCAN'))('nobody can track writes', () => {
    expect(nobody.pagemapScan).toEqual(machine.pagemapScan);
    expect(nobody.tiers.find((tier) => tier.name === 'async-wp')?.available).toBe(true);
  });
});

const bad = (what: string): Outcome => ({
  ok: false,
  code: 'UFFD_EPERM',
  reason: `${what} failed`,
  remedy: `mend ${what}`,
});

describe('tiers', () => {
  const good: Outcome = { ok: true };
  const all: TierFacts = {
    full: good,
    userModeOnly: good,
    features: ['PAGEFAULT_FLAG_WP', 'WP_ASYNC'],
    armTrial: good,
    pagemapScan: good,
    scanComplete: true,
  };
  const available = (facts: Partial<TierFacts>) =>
    tiersOf({ ...all, ...facts })
      .filter((tier) => tier.available)
      .map((tier) => tier.name);

  test.each<[string, Partial<TierFacts>, TierName[]]>([
    ['everything', {}, TIERS],
    ['no privilege', { full: bad('full') }, ['sync-wp-user', 'async-wp', 'stop-and-copy']],
    ['user mode refused alone', { userModeOnly: bad('user') }, ['sync-wp', 'async-wp', 'stop-and-copy']],
    [
      'nothing can be opened',
      { full: bad('full'), userModeOnly: bad('user'), features: [] },
      ['stop-and-copy'],
    ],
    [
      'an old kernel',
      { features: ['PAGEFAULT_FLAG_WP'], pagemapScan: bad('scan') },
      ['sync-wp', 'sync-wp-user', 'stop-and-copy'],
    ],
    ['no write protection', { features: [] }, ['stop-and-copy']],
    ['arming fails', { armTrial: bad('arm') }, ['async-wp', 'stop-and-copy']],
    ['no scan', { pagemapScan: bad('scan') }, ['sync-wp', 'sync-wp-user', 'stop-and-copy']],
  ])('%s', (_name, facts, names) => {
    expect(available(facts)).toEqual(names);
  });

  test('each that is missing has a reason and a remedy, the first in the way', () => {
    const [sync, user, async] = tiersOf({
      ...all,
      full: bad('full'),
      armTrial: bad('arm'),
      features: ['PAGEFAULT_FLAG_WP'],
    });
    expect(sync).toMatchObject({ reason: 'full failed', remedy: 'mend full' });
    expect(user).toMatchObject({ reason: 'arm failed', remedy: 'mend arm' });
    expect(async?.reason).toContain('WP_ASYNC');
    expect(async?.remedy).toContain('6.7');
  });

  test('a scan that loses discarded ranges is usable, with a warning', () => {
    const tier = tiersOf({ ...all, scanComplete: false }).find(({ name }) => name === 'async-wp');
    expect(tier).toMatchObject({ available: true, reason: expect.stringContaining('counts as written') });
  });
});
