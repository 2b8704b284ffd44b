import { expect, it } from 'vitest';
import { driveBuffered, SCENARIOS } from '../src/compliance.ts';
import { builtinPolicies, limiterFromConfig, type Observation, replay, type Step } from '../src/index.ts';

/** Configurations for the policies that have no default for everything; `module` is whatever a file makes it. */
const NEEDED: Readonly<Record<string, object>> = {
  'token-bucket': { rate: '50MiB/s' },
  schedule: { rates: '0s:20MiB/s+20ms:unlimited' },
  min: { of: ['reserve', 'aimd'] },
};
const names = builtinPolicies.map(({ name }) => name).filter((name) => name !== 'module');
const scenario = SCENARIOS.find(({ name }) => name === 'faults and a stalling sink') ?? SCENARIOS[0]!;

interface Entry {
  readonly observation: Observation;
  readonly step: Step<unknown>;
}

function parsed(line: string): Entry {
  const entry: Entry = JSON.parse(line);
  return entry;
}

/** A run as a log would have it: JSON. */
function recorded(name: string): Entry[] {
  const log: string[] = [];
  driveBuffered(limiterFromConfig({ name, ...NEEDED[name] }), scenario, {
    onStep: (_before, observation, step) => log.push(JSON.stringify({ observation, step })),
  });
  return log.map(parsed);
}

it.each(names)('%s decides again as it did', (name) => {
  const trace = recorded(name);
  expect(trace.length).toBeGreaterThan(10);
  const limiter = limiterFromConfig({ name, ...NEEDED[name] });
  for (const { entry, step } of replay(limiter, trace)) expect(step).toEqual(entry.step);
});

it('goes on from a logged state in the middle', () => {
  const trace = recorded('token-bucket');
  const [before, ...rest] = trace.slice(5);
  const limiter = limiterFromConfig({ name: 'token-bucket', ...NEEDED['token-bucket'] });
  const replayed = [...replay(limiter, rest, { state: before?.step.state })];
  expect(replayed.map(({ step }) => step)).toEqual(rest.map(({ step }) => step));
});

it('begins when it is told', () => {
  const limiter = limiterFromConfig('token-bucket,rate=4MiB/s,burst=1');
  const [entry] = recorded('none');
  const trace = [{ observation: { ...entry!.observation, nowNs: 1e12 } }];
  const [early] = replay(limiter, trace, { startNs: 1e12 - 1e9 });
  const [late] = replay(limiter, trace);
  expect([early?.step.state, late?.step.state]).toMatchObject([{ bytes: 4096 }, { bytes: 1 }]);
});

it('hands nothing out of nothing', () => {
  expect([...replay(limiterFromConfig('none'), [])]).toEqual([]);
});
