// What every binding file shares: the parts of module initialisation, called once for each environment (main
// thread or worker).
#pragma once

#include <napi.h>

void InitCapture(Napi::Env env, Napi::Object exports);
