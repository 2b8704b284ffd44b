#include "trace/proc_files.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "kernel/unique_fd.h"

namespace stillframe::trace {

namespace {

/// "/proc/1/task/1": room for the longest path here.
constexpr size_t kPathBytes = 64;
/// One call lists thousands of threads, so that the list is taken at one go.
constexpr size_t kDirectoryBytes = 256 << 10;
constexpr size_t kStatusBytes = 8 << 10;
constexpr size_t kAuxvBytes = 4 << 10;

UniqueFd OpenProc(pid_t tid, const char* name, int flags = O_RDONLY) {
  char path[kPathBytes];
  std::snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
  return UniqueFd(::open(path, flags | O_CLOEXEC));
}

/// Reads until `into` is full or the file ends. The value is the bytes read.
SysResult ReadAll(int fd, char* into, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(fd, into + done, size - done);
    if (count < 0) return FromReturn(count);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return {static_cast<int64_t>(done), 0};
}

/// The number after "\nName:"; 0 when there is none.
int Field(const char* text, const char* name) {
  const char* found = std::strstr(text, name);
  return found == nullptr ? 0 : std::atoi(found + std::strlen(name));
}

}  // namespace

SysResult ListThreads(pid_t pid, std::vector<pid_t>* tids) {
  const UniqueFd folder = OpenProc(pid, "task", O_RDONLY | O_DIRECTORY);
  if (!folder) return FromReturn(-1);
  static std::vector<char> buffer(kDirectoryBytes);
  for (;;) {
    const long size = ::syscall(SYS_getdents64, folder.get(), buffer.data(), buffer.size());
    if (size <= 0) return FromReturn(size);
    for (long at = 0; at < size;) {
      dirent64 entry{};
      std::memcpy(&entry, buffer.data() + at, offsetof(dirent64, d_name));
      const int tid = std::atoi(buffer.data() + at + offsetof(dirent64, d_name));
      if (tid > 0) tids->push_back(tid);
      at += entry.d_reclen;
    }
  }
}

bool IsThreadOf(pid_t pid, pid_t tid) {
  char path[kPathBytes];
  std::snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
  return ::access(path, F_OK) == 0;
}

SysResult ReadThreadStatus(pid_t tid, ThreadStatus* status) {
  const UniqueFd file = OpenProc(tid, "status");
  if (!file) return FromReturn(-1);
  char text[kStatusBytes];
  const SysResult read = ReadAll(file.get(), text, sizeof(text) - 1);
  if (!read.ok()) return read;
  text[read.value] = '\0';
  const char* state = std::strstr(text, "\nState:\t");
  status->state = state == nullptr ? '?' : state[std::strlen("\nState:\t")];
  status->tracer = Field(text, "\nTracerPid:\t");
  status->seccomp = Field(text, "\nSeccomp:\t");
  return {};
}

uintptr_t VdsoAddress(pid_t tid) {
  const UniqueFd file = OpenProc(tid, "auxv");
  if (!file) return 0;
  char bytes[kAuxvBytes];
  const SysResult read = ReadAll(file.get(), bytes, sizeof(bytes));
  Elf64_auxv_t entry{};
  for (size_t at = 0; read.ok() && at + sizeof(entry) <= static_cast<size_t>(read.value);
       at += sizeof(entry)) {
    std::memcpy(&entry, bytes + at, sizeof(entry));
    if (entry.a_type == AT_SYSINFO_EHDR) return entry.a_un.a_val;
  }
  return 0;
}

SysResult ListMappings(pid_t tid, std::vector<MappedRange>* ranges) {
  const UniqueFd file = OpenProc(tid, "maps");
  if (!file) return FromReturn(-1);
  std::string text;
  char chunk[16 << 10];
  for (;;) {
    const ssize_t count = ::read(file.get(), chunk, sizeof(chunk));
    if (count < 0) return FromReturn(count);
    if (count == 0) break;
    text.append(chunk, static_cast<size_t>(count));
  }
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    unsigned long start = 0;
    unsigned long end = 0;
    char rights[5] = {};
    const bool read = std::sscanf(text.c_str() + at, "%lx-%lx %4s", &start, &end, rights) == 3;
    if (read) ranges->push_back({start, end, rights[0] == 'r' && rights[2] == 'x'});
    if (text.find('\n', at) == std::string::npos) break;
  }
  return {};
}

}  // namespace stillframe::trace
