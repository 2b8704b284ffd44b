// The target's memory, by value.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>

#include "kernel/process.h"

namespace stillframe::trace {

/// Returns whether all of it could be read.
template <typename Value>
bool ReadValue(pid_t tid, uint64_t address, Value* value) {
  const iovec from{reinterpret_cast<void*>(address), sizeof(*value)};
  return ProcessVmReadv(tid, {value, sizeof(*value)}, &from, 1).value == static_cast<int64_t>(sizeof(*value));
}

/// Returns whether all of it could be written.
template <typename Value>
bool WriteValue(pid_t tid, uint64_t address, const Value& value) {
  const iovec from{const_cast<Value*>(&value), sizeof(value)};
  const iovec to{reinterpret_cast<void*>(address), sizeof(value)};
  return ::process_vm_writev(tid, &from, 1, &to, 1, 0) == static_cast<ssize_t>(sizeof(value));
}

}  // namespace stillframe::trace
