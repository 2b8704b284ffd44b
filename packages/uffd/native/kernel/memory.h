// Address space: mmap(2) and its family, memfd_create(2) and seals. One system call per function, no policy.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "kernel/abi.h"
#include "kernel/result.h"

namespace stillframe {

inline void* ToPointer(uint64_t address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));  // NOLINT: addresses come as numbers
}

/// The value is the address.
inline SysResult Mmap(uint64_t address, size_t size_bytes, int protection, int flags, int fd,
                      int64_t offset) {
  void* mapped = ::mmap(ToPointer(address), size_bytes, protection, flags, fd, offset);
  if (mapped == MAP_FAILED) return {0, errno};
  return {static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapped)), 0};
}

inline SysResult Munmap(uint64_t address, size_t size_bytes) {
  return FromReturn(::munmap(ToPointer(address), size_bytes));
}

/// The value is the new address.
inline SysResult Mremap(uint64_t address, size_t old_bytes, size_t new_bytes, int flags,
                        uint64_t new_address) {
  void* mapped = ::mremap(ToPointer(address), old_bytes, new_bytes, flags, ToPointer(new_address));
  if (mapped == MAP_FAILED) return {0, errno};
  return {static_cast<int64_t>(reinterpret_cast<uintptr_t>(mapped)), 0};
}

inline SysResult Mprotect(uint64_t address, size_t size_bytes, int protection) {
  return FromReturn(::mprotect(ToPointer(address), size_bytes, protection));
}

inline SysResult Madvise(uint64_t address, size_t size_bytes, int advice) {
  return FromReturn(::madvise(ToPointer(address), size_bytes, advice));
}

/// `flags`: 0 or MLOCK_ONFAULT.
inline SysResult Mlock(uint64_t address, size_t size_bytes, unsigned flags) {
  return FromReturn(::mlock2(ToPointer(address), size_bytes, flags));
}

inline SysResult Munlock(uint64_t address, size_t size_bytes) {
  return FromReturn(::munlock(ToPointer(address), size_bytes));
}

/// The value is the new descriptor.
inline SysResult MemfdCreate(const char* name, unsigned flags) {
  return FromReturn(::syscall(abi::kSysMemfdCreate, name, flags));
}

inline SysResult AddSeals(int fd, int seals) { return FromReturn(::fcntl(fd, F_ADD_SEALS, seals)); }

/// The value is the mask of seals.
inline SysResult GetSeals(int fd) { return FromReturn(::fcntl(fd, F_GET_SEALS)); }

/// Bytes in a base page.
inline SysResult PageSize() { return FromReturn(::sysconf(_SC_PAGESIZE)); }

}  // namespace stillframe
