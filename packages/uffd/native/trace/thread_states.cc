#include "trace/thread_states.h"

#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "trace/arch.h"
#include "trace/pending_signals.h"
#include "trace/protocol.h"
#include "trace/ptrace_call.h"

namespace stillframe::trace {

namespace {

/// AMX tiles make 11 KiB of extended state, SVE registers of 2048 bits 8 KiB.
constexpr size_t kRegsetBytesMax = 64 << 10;

class Writer {
 public:
  void Append(const void* bytes, size_t size) {
    const auto* from = static_cast<const std::byte*>(bytes);
    bytes_.insert(bytes_.end(), from, from + size);
    bytes_.resize((bytes_.size() + 7) / 8 * 8);
  }
  size_t size() const { return bytes_.size(); }
  void Overwrite(size_t at, const void* bytes, size_t size) { std::memcpy(bytes_.data() + at, bytes, size); }
  const std::byte* data() const { return bytes_.data(); }

 private:
  std::vector<std::byte> bytes_;
};

uint32_t AppendRegsets(pid_t tid, Writer* writer) {
  static std::vector<std::byte> regset(kRegsetBytesMax);
  uint32_t count = 0;
  for (const int type : arch::RegsetTypes()) {
    iovec set{regset.data(), regset.size()};
    if (!GetRegset(tid, type, &set).ok() || set.iov_len == 0) continue;
    const RegsetHeader header{static_cast<uint32_t>(type), static_cast<uint32_t>(set.iov_len)};
    writer->Append(&header, sizeof(header));
    writer->Append(regset.data(), set.iov_len);
    ++count;
  }
  return count;
}

void AppendThread(const TracedThread& thread, Writer* writer) {
  ThreadRecord record{};
  const size_t start = writer->size();
  record.tid = thread.tid;
  if (!GetSignalMask(thread.tid, &record.signal_mask).ok()) return;
  record.stop_signal = static_cast<uint32_t>(thread.signal);
  siginfo_t info{};
  if (thread.signal != 0 && Ptrace(PTRACE_GETSIGINFO, thread.tid, 0, &info).ok()) {
    record.siginfo_bytes = sizeof(info);
  }
  record.pending = PendingSignals(thread.tid, Queue::kThread);
  writer->Append(&record, sizeof(record));
  if (record.siginfo_bytes > 0) writer->Append(&info, sizeof(info));
  record.regset_count = AppendRegsets(thread.tid, writer);
  record.size_bytes = static_cast<uint32_t>(writer->size() - start);
  writer->Overwrite(start, &record, sizeof(record));
}

}  // namespace

Outcome ReadThreadStates(Threads& threads, ThreadStates* states) {
  Writer writer;
  bool first = true;
  for (const TracedThread& thread : threads.all()) {
    if (!thread.standing()) continue;
    if (first) states->shared_pending = PendingSignals(thread.tid, Queue::kProcess);
    first = false;
    const size_t before = writer.size();
    AppendThread(thread, &writer);
    if (writer.size() > before) ++states->thread_count;
  }
  states->memfd = UniqueFd(::memfd_create("stillframe-threads", MFD_CLOEXEC));
  if (!states->memfd) return {Failure::kSystem, errno};
  const SysResult written = FromReturn(::write(states->memfd.get(), writer.data(), writer.size()));
  if (!written.ok()) return {Failure::kSystem, written.error};
  states->size_bytes = static_cast<uint32_t>(writer.size());
  return {};
}

}  // namespace stillframe::trace
