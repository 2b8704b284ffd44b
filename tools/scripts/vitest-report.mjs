// A vitest reporter that writes [{ kind: 'pass' | 'fail' | 'skip', text }] to the file that STILLFRAME_TEST_REPORT names.
import { writeFileSync } from 'node:fs';

export default class Report {
  onTestRunEnd(modules, unhandledErrors) {
    const entries = modules.flatMap((module) => [...ofModule(module)]);
    for (const error of unhandledErrors)
      entries.push({ kind: 'fail', text: `outside any test: ${firstLine(error)}` });
    writeFileSync(process.env.STILLFRAME_TEST_REPORT, JSON.stringify(entries));
  }
}

function* ofModule(module) {
  const file = module.relativeModuleId;
  const name = (test) => `${module.project.name}: ${file} > ${test.fullName}`;
  for (const error of module.errors())
    yield { kind: 'fail', text: `${module.project.name}: ${file}: ${firstLine(error)}` };
  for (const suite of module.children.allSuites()) {
    for (const error of suite.errors()) yield { kind: 'fail', text: `${name(suite)}: ${firstLine(error)}` };
  }
  // A file whose process died is still queued or pending, and has none, or not all, of its tests.
  const state = module.state();
  if (state === 'queued' || state === 'pending')
    yield { kind: 'fail', text: `${module.project.name}: ${file} did not finish` };
  for (const test of module.children.allTests()) yield ofTest(name(test), test);
}

function ofTest(name, test) {
  const result = test.result();
  if (result.state === 'passed') return { kind: 'pass', text: name };
  if (result.state === 'skipped')
    return { kind: 'skip', text: `${name}: ${result.note ?? 'gives no reason'}` };
  if (result.state === 'failed') return { kind: 'fail', text: `${name}: ${firstLine(result.errors[0])}` };
  return { kind: 'fail', text: `${name}: did not finish` };
}

function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0];
}
