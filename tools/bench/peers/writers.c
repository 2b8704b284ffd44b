#include "writers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "clock.h"

#define PAGE_BYTES ((size_t)4096)
// Odd and far from a power of two: multiples of it are scattered over any power of two of pages, each hit
// once.
#define SCATTER 2654435761u

struct writer {
  pthread_t thread;
  struct writers* team;
  unsigned index;
  struct wait_histogram waits[WRITER_PHASES];
};

struct writers {
  struct writer_load load;
  atomic_int phase;
  atomic_bool stopping;
  atomic_bool pausing;
  pthread_mutex_t gate;
  pthread_cond_t changed;
  unsigned resting;
  struct writer* members;
};

static void rest(struct writers* team) {
  pthread_mutex_lock(&team->gate);
  team->resting += 1;
  pthread_cond_broadcast(&team->changed);
  while (atomic_load(&team->pausing)) {
    pthread_cond_wait(&team->changed, &team->gate);
  }
  team->resting -= 1;
  pthread_mutex_unlock(&team->gate);
}

static void sleep_until(int64_t at_ns) {
  const struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void* write_pages(void* argument) {
  struct writer* self = argument;
  struct writers* team = self->team;
  const size_t slots = team->load.bytes / PAGE_BYTES / team->load.writers;
  const int64_t period_ns = (int64_t)(1e9 / team->load.writes_per_second);
  // Otherwise each sleep is 50 µs longer than asked for, as prctl(2) says.
  prctl(PR_SET_TIMERSLACK, 1UL);
  int64_t next_ns = now_ns();
  for (uint64_t turn = 0; !atomic_load_explicit(&team->stopping, memory_order_relaxed); ++turn) {
    if (atomic_load_explicit(&team->pausing, memory_order_acquire)) {
      rest(team);
    }
    const size_t slot = (size_t)((turn * SCATTER) % slots);
    volatile uint64_t* word =
        (volatile uint64_t*)(team->load.memory + (slot * team->load.writers + self->index) * PAGE_BYTES);
    const int phase = atomic_load_explicit(&team->phase, memory_order_relaxed);
    const int64_t start_ns = now_ns();
    *word = turn;
    const int64_t end_ns = now_ns();
    wait_record(&self->waits[phase], end_ns - start_ns);
    next_ns += period_ns;
    if (next_ns > end_ns) {
      sleep_until(next_ns);
    } else {
      next_ns = end_ns;
    }
  }
  return NULL;
}

struct writers* writers_start(const struct writer_load* load) {
  struct writers* team = calloc(1, sizeof *team);
  struct writer* members = calloc(load->writers, sizeof *members);
  if (team == NULL || members == NULL) {
    free(team);
    free(members);
    return NULL;
  }
  team->load = *load;
  team->members = members;
  pthread_mutex_init(&team->gate, NULL);
  pthread_cond_init(&team->changed, NULL);
  for (unsigned i = 0; i < load->writers; ++i) {
    struct writer* member = &members[i];
    member->team = team;
    member->index = i;
    if (pthread_create(&member->thread, NULL, write_pages, member) != 0) {
      team->load.writers = i;
      writers_stop(team);
      writers_free(team);
      return NULL;
    }
  }
  return team;
}

void writers_pause(struct writers* team) {
  pthread_mutex_lock(&team->gate);
  atomic_store_explicit(&team->pausing, true, memory_order_release);
  while (team->resting < team->load.writers) {
    pthread_cond_wait(&team->changed, &team->gate);
  }
  pthread_mutex_unlock(&team->gate);
}

void writers_resume(struct writers* team) {
  pthread_mutex_lock(&team->gate);
  atomic_store_explicit(&team->pausing, false, memory_order_release);
  pthread_cond_broadcast(&team->changed);
  pthread_mutex_unlock(&team->gate);
}

void writers_enter(struct writers* team, enum writer_phase phase) { atomic_store(&team->phase, phase); }

void writers_stop(struct writers* team) {
  atomic_store(&team->stopping, true);
  writers_resume(team);
  for (unsigned i = 0; i < team->load.writers; ++i) {
    pthread_join(team->members[i].thread, NULL);
  }
}

void writers_waits(const struct writers* team, enum writer_phase phase, struct wait_histogram* out) {
  *out = (struct wait_histogram){.longest_ns = 0};
  for (unsigned i = 0; i < team->load.writers; ++i) {
    wait_add(out, &team->members[i].waits[phase]);
  }
}

void writers_free(struct writers* team) {
  pthread_cond_destroy(&team->changed);
  pthread_mutex_destroy(&team->gate);
  free(team->members);
  free(team);
}
