/** What to do about a missing permission: the ways to it, cheapest first. */
const PERMISSION_HINT =
  'Handling faults that the kernel raises needs one of: read-write access to /dev/userfaultfd; sysctl vm.unprivileged_userfaultfd=1; ' +
  'the capability CAP_SYS_PTRACE. In a container, the seccomp profile must allow userfaultfd as well. Without any of these, ' +
  'userModeOnly: true works for memory that only user-mode code writes';

const UNREAD_EVENT =
  'A REMOVE, REMAP, UNMAP or FORK event is waiting (or the range changed meanwhile): read the events, then try the rest again';
const NOT_REGISTERED = 'The range is not registered with this userfaultfd (in the mode that this call needs)';
const ATTACH =
  'The other process must be yours and not protected: same user, or CAP_SYS_PTRACE; see /proc/sys/kernel/yama/ptrace_scope';

// By call, then by errno; `*` stands for any call that is not listed.
const HINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  userfaultfd: {
    EPERM: PERMISSION_HINT,
    ENOSYS: 'The kernel was built without CONFIG_USERFAULTFD, or seccomp hides the call',
    EINVAL: 'The kernel does not know one of the flags: USER_MODE_ONLY needs Linux 5.11',
    EMFILE: 'Too many open files: raise ulimit -n or close some',
  },
  'open(/dev/userfaultfd)': {
    ENOENT:
      'There is no /dev/userfaultfd: it needs Linux 6.1, and in a container the device must be passed in',
    EACCES: `Grant access with chmod, chgrp or an ACL on the device. ${PERMISSION_HINT}`,
    EPERM: `The device cgroup or a security module refuses the device. ${PERMISSION_HINT}`,
  },
  'ioctl(USERFAULTFD_IOC_NEW)': { EPERM: PERMISSION_HINT },
  'ioctl(UFFDIO_API)': {
    EINVAL:
      'The kernel lacks one of the features (probe() lists those it has), or the handshake was already done',
    EPERM: 'EVENT_FORK needs CAP_SYS_PTRACE',
  },
  'ioctl(UFFDIO_REGISTER)': {
    EINVAL:
      'The range must be whole, mapped pages (of the huge page size for hugetlb) of a kind that the mode supports: anonymous, shmem or hugetlb memory; ' +
      'MINOR only shared shmem or hugetlb; a file mapping only with WP_ASYNC. And the API handshake must come first',
    EBUSY: 'Another userfaultfd has registered part of the range; a range can have one only',
    ENOMEM: 'Part of the range is not mapped, or the process has too many mappings (vm.max_map_count)',
    EPERM: 'The mapping, or the file behind it, is not writable',
  },
  'ioctl(UFFDIO_UNREGISTER)': {
    EINVAL:
      'The range must be whole, mapped pages of a kind that can be registered, and not another userfaultfd’s',
  },
  'ioctl(UFFDIO_COPY)': {
    EEXIST: 'A page is already there: someone else resolved the fault, which is then only to be woken',
    EFAULT: 'The source is not readable',
    ENOSPC: 'No memory or hugetlb page is left for the new page',
  },
  'ioctl(UFFDIO_ZEROPAGE)': {
    EEXIST: 'A page is already there: someone else resolved the fault, which is then only to be woken',
    EINVAL: 'Only whole pages of anonymous or shmem memory registered with MISSING; hugetlb has no zero page',
  },
  'ioctl(UFFDIO_CONTINUE)': {
    EEXIST: 'The page is already mapped: the fault is then only to be woken',
    EFAULT: 'The page is not in the page cache: write it through another mapping or the file first',
    EINVAL: 'Only whole pages registered with MINOR; writeProtect needs Linux 6.4',
  },
  'ioctl(UFFDIO_WRITEPROTECT)': {
    ENOENT: NOT_REGISTERED,
    EINVAL:
      'Whole pages only, registered with WP; protect cannot be combined with dontWake (protecting wakes nobody)',
  },
  'ioctl(UFFDIO_POISON)': {
    EEXIST: 'A page is already there: only missing pages can be poisoned',
    EINVAL: 'UFFDIO_POISON needs Linux 6.6, and whole pages of a registered range',
  },
  'ioctl(UFFDIO_MOVE)': {
    EINVAL:
      'UFFDIO_MOVE needs Linux 6.8, a destination registered with MISSING, and private anonymous memory on both sides',
    ENOENT: 'The source has a hole: pass allowSourceHoles, or the ranges are not as registered',
    EEXIST: 'The destination already has a page',
    EBUSY: 'A source page is pinned or shared with another process (after fork); copy it instead',
  },
  'read(userfaultfd)': {
    EINVAL: 'The API handshake has not been done',
  },
  memfd_create: {
    EINVAL:
      'The name is longer than 249 bytes, or the kernel does not know a flag or offers no such huge page size',
    ENOMEM: 'No hugetlb pages: raise /proc/sys/vm/nr_hugepages',
    ENODEV: 'The kernel offers no such huge page size; see /sys/kernel/mm/hugepages',
  },
  mmap: {
    ENOMEM:
      'Not enough memory or address space; for huge pages raise /proc/sys/vm/nr_hugepages; see also ulimit -v and vm.max_map_count',
    ENODEV: 'This kind of file cannot be mapped',
    EACCES: 'The file is not open for what the protection asks',
    EPERM: 'A seal or a noexec mount forbids it',
    EEXIST: 'FIXED_NOREPLACE: something is mapped there',
    EAGAIN: 'The locked-memory limit is reached: raise ulimit -l',
  },
  mremap: {
    EFAULT: 'The old range is not one mapped range',
    ENOMEM: 'It cannot grow in place (pass mayMove), or memory is short',
  },
  madvise: {
    EINVAL:
      'The kernel does not know the advice, or it does not apply to this memory (locked, hugetlb, armed by userfaultfd)',
    ENOMEM: 'Part of the range is not mapped, or memory is short',
    EFAULT: 'Populating failed as an access would: SIGBUS or SIGSEGV',
    EHWPOISON: 'A page is poisoned',
  },
  mlock: {
    ENOMEM: 'Above the limit (ulimit -l), or part of the range is not mapped',
    EPERM: 'Locking memory needs CAP_IPC_LOCK or a limit above 0 (ulimit -l)',
  },
  'fcntl(F_ADD_SEALS)': {
    EPERM: 'The file is sealed with SEAL, was made without allowSealing, or is not open for writing',
    EBUSY: 'SEAL_WRITE: a writable mapping exists; use FUTURE_WRITE or unmap it',
  },
  'ioctl(PAGEMAP_SCAN)': {
    ENOTTY: 'PAGEMAP_SCAN needs Linux 6.7',
    EPERM: 'checkWpAsync: a range is not registered with WP by a userfaultfd with WP_ASYNC',
  },
  process_vm_readv: {
    EPERM: ATTACH,
    ESRCH: 'There is no such process',
    EFAULT: 'The first range is not readable in that process',
  },
  pidfd_open: { ESRCH: 'There is no such process', EINVAL: 'That is a thread, not a process' },
  pidfd_getfd: {
    EPERM: ATTACH,
    EBADF: 'The process has no such descriptor',
    ESRCH: 'The process has ended',
  },
  sendmsg: { EPIPE: 'The other end is closed', ECONNRESET: 'The other end is closed' },
};

/** Advice for a failed call, or an empty string. */
export function hintFor(syscall: string, errnoName: string): string {
  const own = HINTS[syscall]?.[errnoName];
  if (own !== undefined) return own;
  if (!syscall.startsWith('ioctl(UFFDIO_')) return '';
  if (errnoName === 'EAGAIN') return UNREAD_EVENT;
  if (errnoName === 'ENOENT') return NOT_REGISTERED;
  if (errnoName === 'ESRCH') return 'The process whose memory this userfaultfd watches has ended';
  if (errnoName === 'EINVAL')
    return 'Whole pages only (huge pages for hugetlb), in a registered range, after the API handshake';
  return '';
}
