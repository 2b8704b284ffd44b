#include "trace/thread_states.h"

#include <elf.h>
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

/// Usual, without AMX.
constexpr size_t kBytesPerThread = 4096;

class Writer {
 public:
  void Reserve(size_t size) { bytes_.reserve(size); }
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

class Reader {
 public:
  explicit Reader(size_t thread_count) { writer_.Reserve(thread_count * kBytesPerThread); }

  void Append(const TracedThread& thread);
  const Writer& writer() const { return writer_; }

 private:
  uint32_t AppendRegsets(const TracedThread& thread);
  void AppendRegset(int type, const void* bytes, size_t size);

  Writer writer_;
  std::vector<std::byte> regset_{kRegsetBytesMax};
  /// Without those that the processor turned out to lack.
  std::vector<int> types_{arch::RegsetTypes().begin(), arch::RegsetTypes().end()};
};

void Reader::Append(const TracedThread& thread) {
  ThreadRecord record{};
  const size_t start = writer_.size();
  record.tid = thread.tid;
  if (!GetSignalMask(thread.tid, &record.signal_mask).ok()) return;
  record.stop_signal = static_cast<uint32_t>(thread.signal);
  siginfo_t info{};
  if (thread.signal != 0 && Ptrace(PTRACE_GETSIGINFO, thread.tid, 0, &info).ok()) {
    record.siginfo_bytes = sizeof(info);
  }
  record.pending = PendingSignals(thread.tid, Queue::kThread);
  writer_.Append(&record, sizeof(record));
  if (record.siginfo_bytes > 0) writer_.Append(&info, sizeof(info));
  record.regset_count = AppendRegsets(thread);
  record.size_bytes = static_cast<uint32_t>(writer_.size() - start);
  writer_.Overwrite(start, &record, sizeof(record));
}

uint32_t Reader::AppendRegsets(const TracedThread& thread) {
  AppendRegset(NT_PRSTATUS, &thread.registers, sizeof(thread.registers));
  uint32_t count = 1;
  std::erase_if(types_, [&](int type) {
    iovec set{regset_.data(), regset_.size()};
    const SysResult read = GetRegset(thread.tid, type, &set);
    if (read.ok() && set.iov_len > 0) {
      AppendRegset(type, regset_.data(), set.iov_len);
      ++count;
    }
    return read.error == ENODEV || read.error == EINVAL;
  });
  return count;
}

void Reader::AppendRegset(int type, const void* bytes, size_t size) {
  const RegsetHeader header{static_cast<uint32_t>(type), static_cast<uint32_t>(size)};
  writer_.Append(&header, sizeof(header));
  writer_.Append(bytes, size);
}

}  // namespace

Outcome ReadThreadStates(Threads& threads, ThreadStates* states) {
  Reader reader(threads.all().size());
  for (const TracedThread& thread : threads.all()) {
    if (!thread.standing()) continue;
    if (states->thread_count == 0) states->shared_pending = PendingSignals(thread.tid, Queue::kProcess);
    const size_t before = reader.writer().size();
    reader.Append(thread);
    if (reader.writer().size() > before) ++states->thread_count;
  }
  const Writer& writer = reader.writer();
  states->memfd = UniqueFd(::memfd_create("stillframe-threads", MFD_CLOEXEC));
  if (!states->memfd) return {Failure::kSystem, errno};
  const SysResult written = FromReturn(::write(states->memfd.get(), writer.data(), writer.size()));
  if (!written.ok()) return {Failure::kSystem, written.error};
  states->size_bytes = static_cast<uint32_t>(writer.size());
  return {};
}

}  // namespace stillframe::trace
