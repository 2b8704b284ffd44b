#include "trace/rseq.h"

#include "trace/ptrace_call.h"
#include "trace/target_memory.h"

namespace stillframe::trace {

namespace {

/// struct rseq_cs of <linux/rseq.h>.
struct Sequence {
  uint32_t version;
  uint32_t flags;
  uint64_t start;
  uint64_t size_bytes;
  uint64_t abort;
};

/// Of struct rseq: where the address of the current Sequence is kept.
constexpr uint64_t kCurrentOffset = 8;

}  // namespace

uintptr_t RseqAbortAddress(pid_t tid, uintptr_t instruction) {
  ptrace_rseq_configuration area{};
  // Not before Linux 5.13; 0 where the thread has registered none.
  const SysResult asked = Ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(area), &area);
  if (!asked.ok() || area.rseq_abi_pointer == 0) return 0;
  uint64_t current = 0;
  Sequence sequence{};
  if (!ReadValue(tid, area.rseq_abi_pointer + kCurrentOffset, &current) || current == 0) return 0;
  if (!ReadValue(tid, current, &sequence)) return 0;
  const bool inside = instruction - sequence.start < sequence.size_bytes;
  return inside ? sequence.abort : 0;
}

}  // namespace stillframe::trace
