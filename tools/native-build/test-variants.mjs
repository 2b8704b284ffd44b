// The ways a native test binary is built and run. One entry per row; nothing here touches the disk or starts a process.

const STRICT = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Wno-unused-parameter'];
const COMMON = ['-std=c++20', '-fno-omit-frame-pointer', '-pthread', ...STRICT];
/** A report needs lines and no variables, which take a quarter of the compile time. */
const SANITIZED = [...COMMON, '-g1', '-O1'];

/**
 * name → how to compile, and what the sanitizer runtimes are told. Every finding ends the process at once, so that a report can
 * never scroll by under a green result.
 */
export const variants = {
  plain: { flags: [...COMMON, '-g', '-O2'], env: {}, sanitized: false },
  asan: {
    // object-size is left out: it aborts on what AddressSanitizer would report better, with both stacks.
    flags: [
      ...SANITIZED,
      '-fsanitize=address,undefined',
      '-fno-sanitize=object-size',
      '-fno-sanitize-recover=all',
    ],
    env: {
      ASAN_OPTIONS: 'halt_on_error=1:detect_stack_use_after_return=1',
      UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    },
    sanitized: true,
  },
  tsan: {
    flags: [...SANITIZED, '-fsanitize=thread'],
    // Tests that stand in for two processes fork after threads have run; by default the runtime ends such a child.
    env: { TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1:die_after_fork=0' },
    sanitized: true,
  },
};

/**
 * The environment for a run: options the caller already has win over ours.
 * @param {{ env: Record<string, string> }} variant
 * @param {Record<string, string | undefined>} outer
 */
export function runtimeEnv(variant, outer) {
  const env = { ...outer };
  for (const [name, options] of Object.entries(variant.env)) {
    env[name] = outer[name] ? `${options}:${outer[name]}` : options;
  }
  return env;
}
