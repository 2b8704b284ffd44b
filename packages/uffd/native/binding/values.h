// Values between JavaScript and the kernel layer. Addresses, lengths and masks are bigint, descriptors and
// flags number, memory a typed array. Wrong kinds throw TypeError; TypeScript has checked ranges before.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/result.h"

namespace stillframe {

inline int ToInt(const Napi::Value& value) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), "expected a number");
  return value.As<Napi::Number>().Int32Value();
}

inline uint64_t ToU64(const Napi::Value& value) {
  if (!value.IsBigInt()) throw Napi::TypeError::New(value.Env(), "expected a bigint");
  bool lossless = false;
  const uint64_t result = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(value.Env(), "expected an unsigned 64-bit integer");
  return result;
}

/// The memory of a typed array, also of one over a SharedArrayBuffer. Valid as long as the array and until it
/// is detached.
template <typename Element>
std::span<Element> ToSpan(const Napi::Value& value, napi_typedarray_type expected) {
  napi_typedarray_type type{};
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != expected) {
    throw Napi::TypeError::New(value.Env(), "expected a typed array of another kind");
  }
  return {static_cast<Element*>(data), length};
}

inline std::span<std::byte> ToBytes(const Napi::Value& value) {
  return ToSpan<std::byte>(value, napi_uint8_array);
}

inline std::span<uint64_t> ToWords(const Napi::Value& value) {
  return ToSpan<uint64_t>(value, napi_biguint64_array);
}

/// The kernel's own convention: the value, or the errno negated.
inline Napi::Value FromResult(Napi::Env env, SysResult result) {
  return Napi::Number::New(env, result.ok() ? static_cast<double>(result.value) : -result.error);
}

/// For calls that may do a part: the bytes done if there are any, otherwise the errno negated.
inline Napi::Value FromProgress(Napi::Env env, SysResult result) {
  return Napi::Number::New(
      env, result.ok() || result.value > 0 ? static_cast<double>(result.value) : -result.error);
}

/// For addresses and masks, which need all bits.
inline Napi::Value FromResultBig(Napi::Env env, SysResult result) {
  return Napi::BigInt::New(env, result.ok() ? result.value : -int64_t{result.error});
}

/// Exports a plain function.
template <Napi::Function::Callback callback>
void Export(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<callback>(exports.Env(), name));
}

}  // namespace stillframe
