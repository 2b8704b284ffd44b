// Where threads rest between two writes while somebody needs memory to stand still.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct rest_gate {
  /// Read by every thread before every write, without the lock.
  atomic_bool is_closed;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned resting;
};

static inline void gate_init(struct rest_gate* gate, bool is_closed) {
  atomic_init(&gate->is_closed, is_closed);
  pthread_mutex_init(&gate->lock, NULL);
  pthread_cond_init(&gate->changed, NULL);
  gate->resting = 0;
}

/// No thread may be in it or come to it.
static inline void gate_destroy(struct rest_gate* gate) {
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->lock);
}

/// Rests while the gate is closed. True when it did.
static inline bool gate_pass(struct rest_gate* gate) {
  if (!atomic_load_explicit(&gate->is_closed, memory_order_acquire)) {
    return false;
  }
  pthread_mutex_lock(&gate->lock);
  gate->resting += 1;
  pthread_cond_broadcast(&gate->changed);
  while (atomic_load(&gate->is_closed)) {
    pthread_cond_wait(&gate->changed, &gate->lock);
  }
  gate->resting -= 1;
  pthread_mutex_unlock(&gate->lock);
  return true;
}

/// Returns when `threads` of them rest.
static inline void gate_close(struct rest_gate* gate, unsigned threads) {
  pthread_mutex_lock(&gate->lock);
  atomic_store_explicit(&gate->is_closed, true, memory_order_release);
  while (gate->resting < threads) {
    pthread_cond_wait(&gate->changed, &gate->lock);
  }
  pthread_mutex_unlock(&gate->lock);
}

static inline void gate_open(struct rest_gate* gate) {
  pthread_mutex_lock(&gate->lock);
  atomic_store_explicit(&gate->is_closed, false, memory_order_release);
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->lock);
}
