/**
 * For `test.skipIf`: whether no test machine can be booted here. Prints why. No configuration changes it: the machine is an x86_64, and so are
 * the packages that its kernel and its program come from.
 */
export function lacksMachine(arch: string = process.arch): boolean {
  if (arch === 'x64') return false;
  console.warn(`skipped: the test machine is built of packages for x86_64, and this is ${arch}`);
  return true;
}
