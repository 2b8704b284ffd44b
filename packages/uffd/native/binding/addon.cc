#include "binding/addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  InitUserfault(env, exports);
  InitMemory(env, exports);
  InitPagemap(env, exports);
  InitProcess(env, exports);
  InitFdPassing(env, exports);
  InitOwnedFd(env, exports);
  InitOwnedMapping(env, exports);
  InitCapture(env, exports);
  InitTrack(env, exports);
  InitServe(env, exports);
  InitAnswerer(env, exports);
  InitConnection(env, exports);
  return exports;
}

NODE_API_MODULE(uffd, Init)
