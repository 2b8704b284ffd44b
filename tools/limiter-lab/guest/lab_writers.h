// The guest's writers for real runs: what src/workload.ts describes, on real memory. Each times every single
// write.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wait_histogram.h"

/// As PATTERNS in src/workload.ts counts them.
enum lab_pattern { LAB_SCATTER, LAB_HOT, LAB_SCAN };

struct lab_load {
  uint8_t* memory;
  size_t bytes;
  unsigned writers;
  /// Of each writer, while it writes. A write that was late moves the later ones.
  double writes_per_second;
  /// Writes for `on_ns`, then rests for `off_ns`; 0: never rests. Counted from `lab_resume`.
  int64_t on_ns;
  int64_t off_ns;
  enum lab_pattern pattern;
};

/// A write that took long, for plots.
struct lab_slow_write {
  int64_t end_ns;
  int64_t wait_ns;
};

struct lab_writers;

/// NULL when a thread cannot be started. The writers rest until `lab_resume`.
struct lab_writers* lab_start(const struct lab_load* load);
/// Returns when every writer is at rest between two writes.
void lab_pause(struct lab_writers* writers);
void lab_resume(struct lab_writers* writers);
/// Writes that begin between these two are counted.
void lab_count(struct lab_writers* writers, int counts);
/// Joins the threads. The memory must not be armed, or somebody must release it: a writer may be in a fault.
void lab_stop(struct lab_writers* writers);
/// After lab_stop. Gives the number of slow writes copied to `slow`, at most `slow_max`.
size_t lab_result(const struct lab_writers* writers, struct wait_histogram* waits, int64_t* sum_ns,
                  struct lab_slow_write* slow, size_t slow_max);
void lab_free(struct lab_writers* writers);
