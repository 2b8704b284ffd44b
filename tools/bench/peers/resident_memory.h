// The most memory that this process had resident, looked at every 10 ms by a thread of its own.
#pragma once

#include <stdint.h>

/// Resident now, in bytes: anonymous, of files, and shared.
int64_t resident_bytes(void);
/// 0 or errno. One at a time.
int resident_watch_start(void);
/// Joins the thread; the most that was seen, in bytes.
int64_t resident_watch_stop(void);
