// How native threads tell JavaScript that there is something to look at: a call without arguments.
#pragma once

#include <napi.h>

#include <cstddef>

namespace stillframe {

/// A call that was queued before the end of the environment may run when JavaScript no longer can: then
/// nobody is left to be told.
inline void CallReady(Napi::Env env, Napi::Function callback, std::nullptr_t* /*context*/, void* /*data*/) {
  if (static_cast<napi_env>(env) == nullptr || callback.IsEmpty()) {
    return;
  }
  napi_value undefined = nullptr;
  if (napi_get_undefined(env, &undefined) == napi_ok) {
    napi_call_function(env, undefined, callback, 0, nullptr, nullptr);
  }
}

using ReadyFunction = Napi::TypedThreadSafeFunction<std::nullptr_t, void, CallReady>;

}  // namespace stillframe
