// The result of one system call, without exceptions: what the engine and the binding share.
#pragma once

#include <cerrno>
#include <cstdint>

namespace stillframe {

/// What a system call gave back. `error` is 0 or a positive errno. Both may be set: UFFDIO_COPY, ZEROPAGE,
/// CONTINUE, POISON and MOVE may handle a part (`value`, bytes) and report EAGAIN for the rest.
struct SysResult {
  int64_t value = 0;
  int error = 0;

  bool ok() const { return error == 0; }
};

/// From the C convention: negative means that errno holds the reason.
inline SysResult FromReturn(long returned) {
  return returned < 0 ? SysResult{0, errno} : SysResult{returned, 0};
}

}  // namespace stillframe
