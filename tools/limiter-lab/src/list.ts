import { contestants } from './policies.ts';
import { SINK_SHAPES } from './sink-shape.ts';
import { WORKLOADS } from './workload.ts';

function named({ name, summary }: { readonly name: string; readonly summary: string }): string {
  return `  ${name.padEnd(12)} ${summary}`;
}

export function listText(): string {
  const { taking, absent } = contestants('spill');
  return [
    'workloads',
    ...WORKLOADS.map(named),
    'sinks',
    ...SINK_SHAPES.map(named),
    'policies',
    ...taking.map(({ id }) => `  ${id}`),
    ...absent.map(({ policy, reason }) => `  ${policy}: takes no part, ${reason}`),
  ].join('\n');
}
