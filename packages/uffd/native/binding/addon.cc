#include "binding/addon.h"

// Weak: without the capture engine's sources the kernel bindings still make a module.
__attribute__((weak)) void InitCapture(Napi::Env env, Napi::Object exports);

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  InitUserfault(env, exports);
  InitMemory(env, exports);
  InitPagemap(env, exports);
  InitProcess(env, exports);
  InitFdPassing(env, exports);
  InitOwnedFd(env, exports);
  InitOwnedMapping(env, exports);
  if (InitCapture != nullptr) InitCapture(env, exports);
  return exports;
}

NODE_API_MODULE(uffd, Init)
