// The binding: checks arguments, finds the bytes, calls the core. It keeps nothing between calls, so any
// number of threads of Node may load it.
#include <napi.h>

#include <string>

#include "arguments.h"
#include "core/digest.h"
#include "core/implementation.h"
#include "core/page_hash.h"
#include "core/polynomial.h"
#include "core/unpack.h"
#include "core/zero_scan.h"
#include "packer.h"

namespace {

namespace codec = stillframe::codec;
using stillframe::binding::Array;
using stillframe::binding::ArrayAt;
using stillframe::binding::BytesAt;
using stillframe::binding::kMaxSafeInteger;
using stillframe::binding::U32At;
using stillframe::binding::WholeAt;

/// What page sizes must be a multiple of: the same for every codec.
constexpr size_t kPageMultiple = 16;

Napi::Value Crc32c(const Napi::CallbackInfo& info) {
  const auto bytes = BytesAt(info, 0, "bytes must be a Uint8Array");
  const uint32_t seed = info[1].IsUndefined() ? 0 : U32At(info, 1, "seed");
  return Napi::Number::New(info.Env(), codec::BestImplementation().crc32c(seed, bytes.data, bytes.length));
}

Napi::Value AppendCrc(const Napi::CallbackInfo& info) {
  const uint32_t crc = U32At(info, 0, "crc");
  const uint32_t tail_crc = U32At(info, 1, "tailCrc");
  const uint32_t tail_bytes = U32At(info, 2, "tailBytes");
  return Napi::Number::New(info.Env(), codec::AppendCrc(crc, tail_crc, tail_bytes));
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

Napi::Value DigestPages(const Napi::CallbackInfo& info) {
  const auto pages = BytesAt(info, 0, "pages must be a Uint8Array");
  const uint32_t seed = U32At(info, 1, "seed");
  const uint32_t region = U32At(info, 2, "region");
  const auto first_unit = static_cast<uint64_t>(WholeAt(info, 3, "firstUnit", kMaxSafeInteger));
  const auto page_bytes = static_cast<size_t>(WholeAt(info, 4, "pageSize", kMaxSafeInteger));
  const auto terms = ArrayAt<uint32_t, napi_uint32_array>(info, 5, "terms must be a Uint32Array");
  if (page_bytes == 0 || page_bytes % codec::kUnitBytes != 0 || pages.length % page_bytes != 0) {
    throw Napi::RangeError::New(
        info.Env(), "pages must be a whole number of pages of pageSize bytes, which is a multiple of 4096");
  }
  const size_t page_count = pages.length / page_bytes;
  if (terms.length < 2 * page_count) {
    throw Napi::RangeError::New(info.Env(), "terms needs " + std::to_string(2 * page_count) + " entries");
  }
  const codec::RunDigest run =
      codec::DigestPages(codec::BestImplementation(), seed, region, first_unit, pages.data, page_count,
                         page_bytes / codec::kUnitBytes, terms.data);
  return Napi::Number::New(info.Env(), run.crc32c);
}

/// The bytes of an argument that is written to.
Array<uint8_t> TargetAt(const Napi::CallbackInfo& info, size_t index) {
  return ArrayAt<uint8_t, napi_uint8_array>(info, index, "pages must be a Uint8Array");
}

Napi::Value UnpackLz4(const Napi::CallbackInfo& info) {
  const auto stored = BytesAt(info, 0, "stored must be a Uint8Array");
  const auto pages = TargetAt(info, 1);
  return Napi::Boolean::New(info.Env(),
                            codec::UnpackLz4(stored.data, stored.length, pages.data, pages.length));
}

Napi::Value UnpackZstd(const Napi::CallbackInfo& info) {
  const auto stored = BytesAt(info, 0, "stored must be a Uint8Array");
  const auto pages = TargetAt(info, 1);
  return Napi::Boolean::New(info.Env(),
                            codec::UnpackZstd(stored.data, stored.length, pages.data, pages.length));
}

Napi::Value HashPages(const Napi::CallbackInfo& info) {
  const auto pages = BytesAt(info, 0, "pages must be a Uint8Array");
  const auto page_bytes = static_cast<size_t>(WholeAt(info, 1, "pageSize", kMaxSafeInteger));
  const uint32_t seed_low = U32At(info, 2, "seedLow");
  const uint32_t seed_high = U32At(info, 3, "seedHigh");
  const auto hashes = ArrayAt<uint32_t, napi_uint32_array>(info, 4, "hashes must be a Uint32Array");
  if (page_bytes == 0 || pages.length % page_bytes != 0) {
    throw Napi::RangeError::New(info.Env(), "pages must be a whole number of pages of pageSize bytes");
  }
  const size_t page_count = pages.length / page_bytes;
  if (hashes.length < 4 * page_count) {
    throw Napi::RangeError::New(info.Env(), "hashes needs " + std::to_string(4 * page_count) + " entries");
  }
  for (size_t page = 0; page < page_count; ++page) {
    uint64_t hash[2];
    codec::HashPages(pages.data + page * page_bytes, page_bytes, 1, uint64_t{seed_high} << 32 | seed_low,
                     hash);
    // By words, because a Uint32Array need not be aligned for 64 bits.
    for (size_t word = 0; word < 4; ++word) {
      hashes.data[4 * page + word] = static_cast<uint32_t>(hash[word / 2] >> (word % 2 * 32));
    }
  }
  return info.Env().Undefined();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["crc32c"] = Napi::Function::New<Crc32c>(env, "crc32c");
  exports["appendCrc"] = Napi::Function::New<AppendCrc>(env, "appendCrc");
  exports["findZeroRuns"] = Napi::Function::New<FindZeroRuns>(env, "findZeroRuns");
  exports["digestRun"] = Napi::Function::New<DigestRun>(env, "digestRun");
  exports["digestPages"] = Napi::Function::New<DigestPages>(env, "digestPages");
  exports["unpackLz4"] = Napi::Function::New<UnpackLz4>(env, "unpackLz4");
  exports["unpackZstd"] = Napi::Function::New<UnpackZstd>(env, "unpackZstd");
  exports["hashPages"] = Napi::Function::New<HashPages>(env, "hashPages");
  exports["Packer"] = stillframe::binding::Packer::Define(env);
  exports["implementation"] = codec::BestImplementation().name;
  exports["hardware"] = Napi::Boolean::New(env, codec::BestImplementation().hardware);
  return exports;
}

}  // namespace

NODE_API_MODULE(page_codec, Init)
