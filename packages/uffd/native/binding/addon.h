// The parts of module initialisation. Each is called once per environment (the main thread and every worker
// that loads the addon), so none may keep a JavaScript reference in a static.
#pragma once

#include <napi.h>

void InitUserfault(Napi::Env env, Napi::Object exports);
void InitMemory(Napi::Env env, Napi::Object exports);
void InitPagemap(Napi::Env env, Napi::Object exports);
void InitProcess(Napi::Env env, Napi::Object exports);
void InitFdPassing(Napi::Env env, Napi::Object exports);
void InitOwnedFd(Napi::Env env, Napi::Object exports);
void InitOwnedMapping(Napi::Env env, Napi::Object exports);
void InitCapture(Napi::Env env, Napi::Object exports);
void InitTrack(Napi::Env env, Napi::Object exports);
void InitServe(Napi::Env env, Napi::Object exports);
void InitAnswerer(Napi::Env env, Napi::Object exports);
void InitConnection(Napi::Env env, Napi::Object exports);
