#include "trace/syscall_instruction.h"

#include <algorithm>
#include <vector>

#include "kernel/process.h"
#include "trace/arch.h"
#include "trace/proc_files.h"

namespace stillframe::trace {

namespace {

constexpr uintptr_t kPageBytes = 4096;
/// More than any kernel's vdso has.
constexpr uintptr_t kVdsoBytesMax = 16 * kPageBytes;
/// Every C library has one within its first megabytes; a just-in-time compiler's code may have none at all.
constexpr uintptr_t kCodeBytesMax = 64 << 20;

uintptr_t FindInPage(pid_t tid, uintptr_t address) {
  uint8_t page[kPageBytes];
  const iovec from{reinterpret_cast<void*>(address), sizeof(page)};
  const SysResult read = ProcessVmReadv(tid, {page, sizeof(page)}, &from, 1);
  if (!read.ok()) return 0;
  const auto wanted = arch::SyscallInstruction();
  const size_t stride = wanted.size() == 4 ? 4 : 1;  // instructions of aarch64 are aligned
  for (size_t at = 0; at + wanted.size() <= static_cast<size_t>(read.value); at += stride) {
    if (std::equal(wanted.begin(), wanted.end(), page + at)) return address + at;
  }
  return 0;
}

uintptr_t FindIn(pid_t tid, uintptr_t start, uintptr_t end) {
  uintptr_t found = 0;
  for (uintptr_t page = start; page < end && found == 0; page += kPageBytes) found = FindInPage(tid, page);
  return found;
}

}  // namespace

uintptr_t FindSyscallInstruction(pid_t tid) {
  const uintptr_t vdso = VdsoAddress(tid);
  if (vdso != 0) {
    if (const uintptr_t found = FindIn(tid, vdso, vdso + kVdsoBytesMax)) return found;
  }
  std::vector<MappedRange> ranges;
  if (!ListMappings(tid, &ranges).ok()) return 0;
  uintptr_t searched = 0;
  for (const MappedRange& range : ranges) {
    if (!range.is_code) continue;
    if (const uintptr_t found = FindIn(tid, range.start, range.end)) return found;
    searched += range.end - range.start;
    if (searched > kCodeBytesMax) break;
  }
  return 0;
}

}  // namespace stillframe::trace
