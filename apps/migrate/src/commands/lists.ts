import { describeLimiters } from '@stillframe/limiter';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { describeWorkloads } from '../workloads/index.ts';

/** `migrate limiters` and `migrate workloads`: what `--limiter` and `--workload` take. */
export function addLists(root: Command, context: CliContext): void {
  root
    .command('limiters')
    .description('list the limiter policies and their options')
    .option('--json', 'as JSON lines')
    .action(({ json = false }: { json?: boolean }) => {
      const report = context.report(json);
      for (const limiter of describeLimiters()) {
        const options = limiter.options.map(
          ({ name, required, default: fallback, description }) =>
            `    ${name}${defaultText(fallback)}  ${required ? 'required; ' : ''}${description}`,
        );
        report.result([`${limiter.name}  ${limiter.summary}`, ...options].join('\n'), {
          type: 'limiter',
          ...limiter,
        });
      }
      report.event({ type: 'summary', outcome: 'done' });
    });
  root
    .command('workloads')
    .description('list the bundled workloads and their options')
    .option('--json', 'as JSON lines')
    .action(({ json = false }: { json?: boolean }) => {
      const report = context.report(json);
      for (const workload of describeWorkloads()) {
        const options = workload.options.map(
          ({ key, default: fallback, description }) => `    ${key}=${fallback}  ${description}`,
        );
        report.result([`${workload.name}  ${workload.summary}`, ...options].join('\n'), {
          type: 'workload',
          ...workload,
        });
      }
      report.event({ type: 'summary', outcome: 'done' });
    });
}

/** As it would be written. */
function defaultText(fallback: unknown): string {
  if (fallback === undefined) return '';
  return `=${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}`;
}
