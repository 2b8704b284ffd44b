// How a step of the tracer went.
#pragma once

#include "trace/protocol.h"

namespace stillframe::trace {

struct Outcome {
  Failure failure = Failure::kNone;
  int error = 0;  // positive errno, where there is one

  bool ok() const { return failure == Failure::kNone; }
};

}  // namespace stillframe::trace
