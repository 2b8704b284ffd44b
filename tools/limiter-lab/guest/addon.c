// The writers for Node. One team at a time. Addresses, sizes and times are numbers below 2^53.
#include <node_api.h>

#include "guest_memory.h"
#include "lab_writers.h"

#define ARGUMENTS_MAX 7

static struct lab_writers* team;

static void get_numbers(napi_env env, napi_callback_info info, double* numbers) {
  size_t given = ARGUMENTS_MAX;
  napi_value values[ARGUMENTS_MAX];
  napi_get_cb_info(env, info, &given, values, NULL, NULL);
  for (size_t i = 0; i < ARGUMENTS_MAX; ++i) {
    numbers[i] = 0;
    if (i < given) {
      napi_get_value_double(env, values[i], &numbers[i]);
    }
  }
}

/// fill(address, bytes): 4 KiB pages with bytes that no format makes smaller.
static napi_value js_fill(napi_env env, napi_callback_info info) {
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  prepare_pages((uint8_t*)(uintptr_t)numbers[0], (size_t)numbers[1], "base");
  return NULL;
}

/// start(address, bytes, writers, writesPerSecond, onNs, offNs, pattern): whether they run, resting.
static napi_value js_start(napi_env env, napi_callback_info info) {
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  const struct lab_load load = {.memory = (uint8_t*)(uintptr_t)numbers[0],
                                .bytes = (size_t)numbers[1],
                                .writers = (unsigned)numbers[2],
                                .writes_per_second = numbers[3],
                                .on_ns = (int64_t)numbers[4],
                                .off_ns = (int64_t)numbers[5],
                                .pattern = (enum lab_pattern)(size_t)numbers[6]};
  if (team == NULL) {
    team = lab_start(&load);
  }
  napi_value started;
  napi_get_boolean(env, team != NULL, &started);
  return started;
}

static napi_value js_pause(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  lab_pause(team);
  return NULL;
}

static napi_value js_resume(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  lab_resume(team);
  return NULL;
}

/// count(whether writes that begin now are counted)
static napi_value js_count(napi_env env, napi_callback_info info) {
  double numbers[ARGUMENTS_MAX];
  get_numbers(env, info, numbers);
  lab_count(team, numbers[0] != 0);
  return NULL;
}

/// The Float64Array that is argument `index`; NULL when it is none, or shorter than `least`.
static double* array_at(napi_env env, const napi_value* values, size_t index, size_t least, size_t* length) {
  napi_typedarray_type type;
  void* data = NULL;
  if (napi_get_typedarray_info(env, values[index], &type, length, &data, NULL, NULL) != napi_ok ||
      type != napi_float64_array || *length < least) {
    napi_throw_range_error(env, NULL, "a Float64Array is missing or too short");
    return NULL;
  }
  return data;
}

/// stop(counts, totals, slow): ends the writers. Fills `counts` with WAIT_BUCKETS counts, `totals` with the
/// longest wait and the sum of all, `slow` with pairs of end and wait, all ns. Gives the number of pairs.
static napi_value js_stop(napi_env env, napi_callback_info info) {
  size_t given = 3;
  napi_value values[3];
  size_t lengths[3];
  napi_get_cb_info(env, info, &given, values, NULL, NULL);
  double* counts = array_at(env, values, 0, WAIT_BUCKETS, &lengths[0]);
  double* totals = counts == NULL ? NULL : array_at(env, values, 1, 2, &lengths[1]);
  double* slow = totals == NULL ? NULL : array_at(env, values, 2, 0, &lengths[2]);
  if (totals == NULL || team == NULL) {
    return NULL;
  }
  const size_t pairs_max = lengths[2] / 2;
  struct lab_slow_write* pairs = calloc(pairs_max + 1, sizeof *pairs);
  struct wait_histogram waits = {.longest_ns = 0};
  int64_t sum_ns = 0;
  lab_stop(team);
  const size_t found = pairs == NULL ? 0 : lab_result(team, &waits, &sum_ns, pairs, pairs_max);
  lab_free(team);
  team = NULL;
  for (size_t i = 0; i < WAIT_BUCKETS; ++i) {
    counts[i] = (double)waits.counts[i];
  }
  totals[0] = (double)waits.longest_ns;
  totals[1] = (double)sum_ns;
  for (size_t i = 0; i < found; ++i) {
    slow[2 * i] = (double)pairs[i].end_ns;
    slow[2 * i + 1] = (double)pairs[i].wait_ns;
  }
  free(pairs);
  napi_value number;
  napi_create_double(env, (double)found, &number);
  return number;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {.utf8name = "fill", .method = js_fill, .attributes = napi_enumerable},
      {.utf8name = "start", .method = js_start, .attributes = napi_enumerable},
      {.utf8name = "pause", .method = js_pause, .attributes = napi_enumerable},
      {.utf8name = "resume", .method = js_resume, .attributes = napi_enumerable},
      {.utf8name = "count", .method = js_count, .attributes = napi_enumerable},
      {.utf8name = "stop", .method = js_stop, .attributes = napi_enumerable},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
