#include "binding/addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) { return exports; }

NODE_API_MODULE(uffd, Init)
