// Arguments of calls from JavaScript, checked.
#pragma once

#include <napi.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace stillframe::binding {

inline constexpr double kMaxSafeInteger = 9007199254740991;

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

inline Array<const uint8_t> BytesAt(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return ArrayAt<const uint8_t, napi_uint8_array>(info, index, name);
}

/// A whole number from 0 to `max`.
inline double WholeAt(const Napi::CallbackInfo& info, size_t index, const char* name, double max) {
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

inline uint32_t U32At(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return static_cast<uint32_t>(WholeAt(info, index, name, UINT32_MAX));
}

}  // namespace stillframe::binding
