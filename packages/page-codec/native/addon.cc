// The binding: checks arguments, finds the bytes, calls the core. It keeps nothing between calls, so any
// number of threads of Node may load it.
#include <napi.h>

#include <cmath>
#include <string>

#include "core/digest.h"
#include "core/implementation.h"
#include "core/zero_scan.h"

namespace {

namespace codec = stillframe::codec;

/// What page sizes must be a multiple of: the same for every codec.
constexpr size_t kPageMultiple = 16;
constexpr double kMaxSafeInteger = 9007199254740991;

template <typename T>
struct Array {
  T* data;
  size_t length;
};

/// The elements of a typed array argument; borrowed for the duration of the call.
template <typename T, napi_typedarray_type kType>
Array<T> ArrayAt(const Napi::CallbackInfo& info, size_t index, const char* expected) {
  napi_typedarray_type type{};
  size_t length = 0;
  void* data = nullptr;
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[index], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != kType) throw Napi::TypeError::New(info.Env(), expected);
  return {static_cast<T*>(data), length};
}

Array<const uint8_t> BytesAt(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ArrayAt<const uint8_t, napi_uint8_array>(info, index, name);
}

/// A whole number from 0 to `max`.
double WholeAt(const Napi::CallbackInfo& info, size_t index, const char* name, double max) {
  double value = 0;
  if (napi_get_value_double(info.Env(), info[index], &value) != napi_ok) {
    throw Napi::TypeError::New(info.Env(), std::string(name) + " must be a number");
  }
  // Written so that NaN fails as well.
  if (!(value >= 0 && value <= max && std::trunc(value) == value)) {
    throw Napi::RangeError::New(info.Env(), std::string(name) + " must be a whole number from 0 to " +
                                                std::to_string(static_cast<uint64_t>(max)));
  }
  return value;
}

uint32_t U32At(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return static_cast<uint32_t>(WholeAt(info, index, name, UINT32_MAX));
}

Napi::Value Crc32c(const Napi::CallbackInfo& info) {
  const auto bytes = BytesAt(info, 0, "bytes must be a Uint8Array");
  const uint32_t seed = info[1].IsUndefined() ? 0 : U32At(info, 1, "seed");
  return Napi::Number::New(info.Env(), codec::BestImplementation().crc32c(seed, bytes.data, bytes.length));
}

Napi::Value FindZeroRuns(const Napi::CallbackInfo& info) {
  const auto pages = BytesAt(info, 0, "pages must be a Uint8Array");
  const auto page_bytes = static_cast<size_t>(WholeAt(info, 1, "pageSize", kMaxSafeInteger));
  const auto runs = ArrayAt<uint32_t, napi_uint32_array>(info, 2, "runLengths must be a Uint32Array");
  if (page_bytes == 0 || page_bytes % kPageMultiple != 0) {
    throw Napi::RangeError::New(info.Env(), "pageSize is " + std::to_string(page_bytes) +
                                                "; it must be a multiple of " +
                                                std::to_string(kPageMultiple));
  }
  if (pages.length % page_bytes != 0) {
    throw Napi::RangeError::New(info.Env(), "pages is " + std::to_string(pages.length) +
                                                " bytes; it must be a whole number of pages of " +
                                                std::to_string(page_bytes) + " bytes");
  }
  const size_t page_count = pages.length / page_bytes;
  if (runs.length <= page_count) {
    throw Napi::RangeError::New(info.Env(), "runLengths has " + std::to_string(runs.length) +
                                                " entries; it needs at least " +
                                                std::to_string(page_count + 1));
  }
  const size_t entries = codec::FindZeroRuns(pages.data, page_bytes, page_count, runs.data);
  return Napi::Number::New(info.Env(), static_cast<double>(entries));
}

Napi::Value DigestRun(const Napi::CallbackInfo& info) {
  const auto pages = BytesAt(info, 0, "pages must be a Uint8Array");
  const uint32_t seed = U32At(info, 1, "seed");
  const uint32_t region = U32At(info, 2, "region");
  const auto first_unit = static_cast<uint64_t>(WholeAt(info, 3, "firstUnit", kMaxSafeInteger));
  const auto digest = ArrayAt<uint32_t, napi_uint32_array>(info, 4, "digest must be a Uint32Array");
  if (pages.length % codec::kUnitBytes != 0) {
    throw Napi::RangeError::New(info.Env(), "pages is " + std::to_string(pages.length) +
                                                " bytes; it must be a whole number of units of 4096 bytes");
  }
  if (digest.length != 2) {
    throw Napi::RangeError::New(info.Env(), "digest has " + std::to_string(digest.length) +
                                                " entries; it must have 2, the low and the high half");
  }
  const codec::RunDigest run = codec::DigestRun(codec::BestImplementation(), seed, region, first_unit,
                                                pages.data, pages.length / codec::kUnitBytes);
  const uint64_t sum = (uint64_t{digest.data[1]} << 32 | digest.data[0]) + run.digest;
  digest.data[0] = static_cast<uint32_t>(sum);
  digest.data[1] = static_cast<uint32_t>(sum >> 32);
  return Napi::Number::New(info.Env(), run.crc32c);
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["crc32c"] = Napi::Function::New<Crc32c>(env, "crc32c");
  exports["findZeroRuns"] = Napi::Function::New<FindZeroRuns>(env, "findZeroRuns");
  exports["digestRun"] = Napi::Function::New<DigestRun>(env, "digestRun");
  exports["implementation"] = codec::BestImplementation().name;
  exports["hardware"] = Napi::Boolean::New(env, codec::BestImplementation().hardware);
  return exports;
}

}  // namespace

NODE_API_MODULE(page_codec, Init)
