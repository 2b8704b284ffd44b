// A process to be pictured that knows nothing of it. It keeps stamping its memory, does as stdin says, and
// checks itself afterwards.
//
// stdout, JSON lines: {"type":"ready",…} once all writers run, then one line for each command:
//   go-on   answered when every writer, and the disturbance, has done something more: a proof of life,
//   without a sleep warm    answered when every writer has been through all of its pages check   stops the
//   writers and looks at every byte: {"type":"checked","ok":…,"why":…} exit    ends at once, in the middle of
//   everything exec    begins anew in the same process
// The end of stdin ends it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct target {
  /// Before the writers start, or NULL.
  void (*setup)(void);
  /// Called again and again by a thread of its own, or NULL. It must not wait for anything that a picture may
  /// hold up.
  void (*disturb)(uint64_t round);
  /// Whether that begins with the command `begin` only.
  bool disturbs_when_told;
  /// What else to look at when the writers have stopped, or NULL.
  void (*check)(void);
};

/// Adds to the ready line. Only in `setup`.
void target_fact(const char* name, uint64_t value);
/// Remembers the first thing that is wrong; `check` tells it. May be called by any thread.
void target_wrong(const char* what);
void target_wrong_unless(bool holds, const char* what);
/// argv: THREADS PAGES PAUSE_US, where PAGES is of each thread, and PAUSE_US between two of its writes.
int target_main(int argc, char** argv, const struct target* target);
