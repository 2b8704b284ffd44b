// What JavaScript and the tracer say to each other. One Unix SOCK_SEQPACKET socket; a Request is answered by
// exactly one Reply, except that a pause point (debugging) first answers kPaused and waits for kContinue.
// Little-endian, fixed layout; src/trace/protocol.ts is the other end and repeats these numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::trace {

/// Descriptors that the tracer is started with.
inline constexpr int kSocketFd = 3;
inline constexpr int kPidfdFd = 4;

enum class Command : uint32_t {
  kStop = 1,             // argument: 1 = read the threads' states; Reply carries a memfd with ThreadRecords
  kMakeUserfaultfd = 2,  // Reply carries the userfaultfd
  kResume = 3,
  kPauseAt = 4,   // argument: a Step; the next time that step is reached, wait there
  kContinue = 5,  // only in a pause; argument: 1 = go on as if the step had failed
  kPaused = 6,    // only in a Reply: `step` is reached
  kGuard = 7,     // carries a userfaultfd of the target; argument: how many ms we may be stopped, see guard.h
  kUnguard = 8,   // gives it up
};

/// Why a command failed. Numbers are stable; names are TraceErrorCode in src/trace/trace-error.ts.
enum class Failure : uint32_t {
  kNone = 0,
  kNotPermitted = 1,
  kAlreadyTraced = 2,
  kExited = 3,
  kNotStopping = 4,
  kSeccomp = 5,
  kThirtyTwoBit = 6,
  kNoFreeFd = 7,
  kUserfaultfdUnavailable = 8,
  kNoMemory = 9,
  kStoppedTooLong = 10,  // unasked for: nobody spoke for too long, the process runs again, the tracer ends
  kInjectionFailed = 11,
  kWrongState = 12,
  kSystem = 13,  // `error` says what
};

/// Places where a test may hold the tracer, to end whoever is around, or to make it fail.
enum class Step : uint32_t {
  kNone = 0,
  kSeized = 1,            // nothing interrupted yet
  kStanding = 2,          // every thread stands, states are not read yet
  kInjecting = 3,         // registers saved, signals blocked, nothing called yet
  kUserfaultfdMade = 4,   // in the target
  kUserfaultfdTaken = 5,  // ours too
  kUserfaultfdClosed = 6,
  kScratchMapped = 7,
  kSocketsMade = 8,
  kDeviceSent = 9,
  kDeviceReceived = 10,
  kRestored = 11,  // registers and signal mask are back, still standing
};

struct Request {
  uint32_t command = 0;
  uint32_t argument = 0;
};

struct Reply {
  uint32_t command = 0;  // of the request
  uint32_t failure = 0;
  int32_t error = 0;  // positive errno, where there is one
  uint32_t step = 0;
  int64_t interrupted_ns = 0;   // CLOCK_MONOTONIC, before the first thread was interrupted
  int64_t stopped_ns = 0;       // when the last one stood
  uint64_t shared_pending = 0;  // signals that wait for the process
  uint32_t thread_count = 0;
  uint32_t states_bytes = 0;  // in the memfd
};
static_assert(sizeof(Request) == 8);
static_assert(sizeof(Reply) == 48);

/// One thread in the memfd, followed by `siginfo_bytes` and `regset_count` regsets, each a RegsetHeader and
/// its bytes, padded to 8.
struct ThreadRecord {
  uint32_t size_bytes = 0;  // with everything that follows; a multiple of 8
  int32_t tid = 0;
  uint32_t stop_signal = 0;    // that it was about to take, 0 if none
  uint32_t siginfo_bytes = 0;  // 128, or 0 without a stop_signal
  uint64_t signal_mask = 0;
  uint64_t pending = 0;  // signals that wait for this thread
  uint32_t regset_count = 0;
  uint32_t reserved = 0;
};
struct RegsetHeader {
  uint32_t type = 0;  // NT_*
  uint32_t size_bytes = 0;
};
static_assert(sizeof(ThreadRecord) == 40);
static_assert(sizeof(RegsetHeader) == 8);

}  // namespace stillframe::trace
