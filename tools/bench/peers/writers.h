// The guest's load: threads that write to memory at a steady rate and time every single write. The same
// object code runs in the C peers and, through addon.c, in the Node process that takes our snapshots.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wait_histogram.h"

/// What a write is counted under: where the snapshot was when the write began.
enum writer_phase { WRITER_BEFORE, WRITER_DURING, WRITER_AFTER, WRITER_PHASES };

struct writer_load {
  uint8_t* memory;
  size_t bytes;
  unsigned writers;
  /// Of each writer. A write that was late moves the later ones: nobody catches up, so a long stall counts
  /// once.
  double writes_per_second;
};

struct writers;

/// NULL when a thread cannot be started. Every writer has its own pages (those whose number leaves its own
/// number as the remainder), visits them in a scattered order and touches each once before it begins again.
struct writers* writers_start(const struct writer_load* load);
/// Returns when every writer is at rest between two writes.
void writers_pause(struct writers* writers);
void writers_resume(struct writers* writers);
void writers_enter(struct writers* writers, enum writer_phase phase);
/// Joins the threads. The memory must not be armed, or somebody must release it: a writer may be in a fault.
void writers_stop(struct writers* writers);
/// After writers_stop.
void writers_waits(const struct writers* writers, enum writer_phase phase, struct wait_histogram* out);
void writers_free(struct writers* writers);
