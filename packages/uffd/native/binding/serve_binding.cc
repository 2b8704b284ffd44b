// Page servers and their fillers for JavaScript. A server belongs to the thread that made it; fillers of any
// thread of the process find it by number. Cleanup hooks close both, so that nobody sleeps in a fault that no
// one answers any more (I-4).
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/values.h"
#include "serve/page_server.h"

namespace stillframe {
namespace {

/// The servers of the process by number, not kept alive by it.
class Registry {
 public:
  uint64_t Add(const std::shared_ptr<PageServer>& server) {
    const std::lock_guard lock(lock_);
    std::erase_if(servers_, [](const auto& entry) { return entry.second.expired(); });
    servers_.emplace(++last_, server);
    return last_;
  }
  std::shared_ptr<PageServer> Find(uint64_t number) {
    const std::lock_guard lock(lock_);
    const auto at = servers_.find(number);
    return at == servers_.end() ? nullptr : at->second.lock();
  }

 private:
  std::mutex lock_;
  std::unordered_map<uint64_t, std::weak_ptr<PageServer>> servers_;
  uint64_t last_ = 0;
};

Registry& Servers() {
  static Registry registry;
  return registry;
}

Napi::Value FromSpans(Napi::Env env, const std::vector<PageSpan>& spans) {
  Napi::Float64Array words = Napi::Float64Array::New(env, spans.size() * 3);
  double* out = words.Data();
  for (const PageSpan& span : spans) {
    *out++ = span.region;
    *out++ = static_cast<double>(span.first_page);
    *out++ = static_cast<double>(span.pages);
  }
  return words;
}

std::vector<PageSpan> ToSpans(std::span<const double> words) {
  std::vector<PageSpan> spans;
  for (size_t i = 0; i + 3 <= words.size(); i += 3) {
    spans.push_back({static_cast<uint32_t>(words[i]), static_cast<uint64_t>(words[i + 1]),
                     static_cast<uint64_t>(words[i + 2])});
  }
  return spans;
}

class PageServerObject : public Napi::ObjectWrap<PageServerObject> {
 public:
  /// (fd, installFd, regions: BigUint64Array, views: BigUint64Array). The descriptors are the server's,
  /// unless this throws.
  explicit PageServerObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PageServerObject>(info), env_(info.Env()) {
    std::vector<ServedRegion> regions;
    const auto region_words = ToWords(info[2]);
    for (size_t i = 0; i + 3 <= region_words.size(); i += 3) {
      regions.push_back({region_words[i], region_words[i + 1], region_words[i + 2]});
    }
    std::vector<ServedView> views;
    const auto view_words = ToWords(info[3]);
    for (size_t i = 0; i + 4 <= view_words.size(); i += 4) {
      views.push_back(
          {static_cast<uint32_t>(view_words[i]), view_words[i + 1], view_words[i + 2], view_words[i + 3]});
    }
    UniqueFd uffd(Duplicate(ToInt(info[0])));
    UniqueFd install(Duplicate(ToInt(info[1])));
    try {
      server_ = std::make_shared<PageServer>(std::move(uffd), std::move(install), std::move(regions),
                                             std::move(views));
    } catch (const std::exception& error) {
      throw Napi::RangeError::New(env_, error.what());
    }
    id_ = Servers().Add(server_);
    napi_add_env_cleanup_hook(env_, CloseAtEnd, this);
    hooked_ = true;
  }

  ~PageServerObject() override { Stop(true); }

  Napi::Value Id(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(id_));
  }
  Napi::Value AddView(const Napi::CallbackInfo& info) {
    return Napi::Number::New(
        info.Env(), server_->AddView(static_cast<uint32_t>(ToInt(info[0])), ToU64(info[1]), ToU64(info[2])));
  }
  /// (fd, places: Float64Array of region, first page at the other side). The descriptor is the server's.
  Napi::Value AskOn(const Napi::CallbackInfo& info) {
    UniqueFd socket(ToInt(info[0]));
    std::vector<LanePlace> places;
    const auto words = ToSpan<double>(info[1], napi_float64_array);
    for (size_t i = 0; i + 2 <= words.size(); i += 2) {
      places.push_back({static_cast<uint32_t>(words[i]), static_cast<uint64_t>(words[i + 1])});
    }
    return Napi::Boolean::New(info.Env(), server_->AskOn(std::move(socket), std::move(places)));
  }
  /// Triples of region, page, CRC32C.
  Napi::Value TakeArrivals(const Napi::CallbackInfo& info) {
    const std::vector<Arrival> arrivals = server_->TakeArrivals();
    Napi::Float64Array words = Napi::Float64Array::New(info.Env(), arrivals.size() * 3);
    double* out = words.Data();
    for (const Arrival& arrival : arrivals) {
      *out++ = arrival.region;
      *out++ = static_cast<double>(arrival.page);
      *out++ = arrival.crc32c;
    }
    return words;
  }
  void Prefetch(const Napi::CallbackInfo& info) {
    server_->Prefetch(ToSpans(ToSpan<double>(info[0], napi_float64_array)),
                      info[1].As<Napi::Number>().DoubleValue());
  }
  Napi::Value Touched(const Napi::CallbackInfo& info) { return FromSpans(info.Env(), server_->Touched()); }
  Napi::Value Missing(const Napi::CallbackInfo& info) { return FromSpans(info.Env(), server_->Missing()); }
  /// (numbers: Float64Array, waitCounts: Float64Array): fills both, see src/serve/serve-stats.ts.
  void Stats(const Napi::CallbackInfo& info) {
    const ServeCounters& counters = server_->Counters();
    const auto numbers = ToSpan<double>(info[0], napi_float64_array);
    const std::array<uint64_t, 14> values{server_->Pages(),
                                          server_->MissingCount(),
                                          counters.faults.load(),
                                          counters.fault_pages.load(),
                                          counters.beside_pages.load(),
                                          counters.prefetched_pages.load(),
                                          counters.filled_pages.load(),
                                          counters.duplicate_pages.load(),
                                          counters.lost_pages.load(),
                                          counters.removed_pages.load(),
                                          counters.fault_wait.Longest(),
                                          static_cast<uint64_t>(server_->Failure()),
                                          static_cast<uint64_t>(server_->FailureErrno()),
                                          counters.lane_pages.load()};
    for (size_t i = 0; i < values.size() && i < numbers.size(); ++i) {
      numbers[i] = static_cast<double>(values[i]);
    }
    const auto counts = ToSpan<double>(info[1], napi_float64_array);
    for (size_t i = 0; i < WaitHistogram::kBuckets && i < counts.size(); ++i) {
      counts[i] = static_cast<double>(counters.fault_wait.Count(i));
    }
  }
  Napi::Value OwnerGone(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), server_->OwnerGone());
  }
  void Close(const Napi::CallbackInfo& info) { Stop(info[0].As<Napi::Boolean>().Value()); }

 private:
  static int Duplicate(int fd) { return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0); }

  void Stop(bool poisons) {
    if (server_ != nullptr) {
      server_->Close(poisons);
    }
    if (hooked_) {
      hooked_ = false;
      napi_remove_env_cleanup_hook(env_, CloseAtEnd, this);
    }
  }
  static void CloseAtEnd(void* self) {
    auto* object = static_cast<PageServerObject*>(self);
    object->hooked_ = false;  // a running hook is removed by the runtime
    object->Stop(true);
  }

  Napi::Env env_;
  std::shared_ptr<PageServer> server_;
  uint64_t id_ = 0;
  bool hooked_ = false;
};

void CallReady(Napi::Env env, Napi::Function callback, std::nullptr_t* /*context*/, void* /*data*/) {
  if (static_cast<napi_env>(env) == nullptr || callback.IsEmpty()) {
    return;
  }
  napi_value undefined = nullptr;
  if (napi_get_undefined(env, &undefined) == napi_ok) {
    napi_call_function(env, undefined, callback, 0, nullptr, nullptr);
  }
}

using ReadyFunction = Napi::TypedThreadSafeFunction<std::nullptr_t, void, CallReady>;

class PageFillerObject : public Napi::ObjectWrap<PageFillerObject> {
 public:
  /// (serverId: number, onReady: () => void).
  explicit PageFillerObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PageFillerObject>(info), env_(info.Env()) {
    server_ = Servers().Find(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
    if (server_ == nullptr) {
      throw Napi::TypeError::New(env_, "there is no such page server, or it is gone");
    }
    ready_ = ReadyFunction::New(env_, info[1].As<Napi::Function>(), "stillframe filler", 0, 1);
    ready_.Unref(env_);
    number_ = server_->Listen([this] { ready_.NonBlockingCall(); });
    napi_add_env_cleanup_hook(env_, CloseAtEnd, this);
    hooked_ = true;
  }

  ~PageFillerObject() override { Stop(); }

  Napi::Value Take(const Napi::CallbackInfo& info) {
    const std::vector<PageRequest> requests = server_->Take(static_cast<size_t>(ToInt(info[0])));
    Napi::Float64Array words = Napi::Float64Array::New(info.Env(), requests.size() * 4);
    double* out = words.Data();
    for (const PageRequest& request : requests) {
      *out++ = request.span.region;
      *out++ = static_cast<double>(request.span.first_page);
      *out++ = static_cast<double>(request.span.pages);
      *out++ = (request.is_fault ? 1 : 0) + (request.is_bad ? 2 : 0);
    }
    return words;
  }
  Napi::Value ReadyOrNotify(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), server_->ReadyOrNotify(number_));
  }
  void KeepAlive(const Napi::CallbackInfo& info) {
    if (stopped_) {
      return;
    }
    if (info[0].As<Napi::Boolean>().Value()) {
      ready_.Ref(info.Env());
    } else {
      ready_.Unref(info.Env());
    }
  }
  Napi::Value ServerClosed(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), server_->Closed() || server_->OwnerGone());
  }
  Napi::Value Install(const Napi::CallbackInfo& info) {
    const auto bytes = ToBytes(info[2]);
    PageSpan span = ToSpan3(info, 0);
    const int64_t page_bytes = server_->PageBytes(span.region);
    if (page_bytes < 0 || bytes.size() % static_cast<size_t>(page_bytes) != 0) {
      return Napi::Number::New(info.Env(), -1);
    }
    span.pages = bytes.size() / static_cast<size_t>(page_bytes);
    // The source may be memory that is missing itself, and must not be touched under the lock.
    scratch_.assign(bytes.begin(), bytes.end());
    return Napi::Number::New(info.Env(), static_cast<double>(server_->Fill(span, scratch_.data())));
  }
  Napi::Value InstallZero(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(),
                             static_cast<double>(server_->Fill(ToSpan3(info, Count(info)), nullptr)));
  }
  Napi::Value Fail(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(server_->Fail(ToSpan3(info, Count(info)))));
  }
  /// (words: Float64Array): see load.d.cts.
  Napi::Value AddBlocks(const Napi::CallbackInfo& info) {
    const auto words = ToSpan<double>(info[0], napi_float64_array);
    std::vector<Block> blocks;
    for (size_t at = 0; at + 5 <= words.size();) {
      Block block{.fd = static_cast<int>(words[at]),
                  .file_offset = static_cast<uint64_t>(words[at + 1]),
                  .size_bytes = static_cast<uint64_t>(words[at + 2]),
                  .crc32c = static_cast<uint32_t>(words[at + 3]),
                  .extents = {}};
      const auto count = static_cast<size_t>(words[at + 4]);
      at += 5;
      for (size_t i = 0; i < count && at + 4 <= words.size(); ++i, at += 4) {
        const PageSpan span{static_cast<uint32_t>(words[at]), static_cast<uint64_t>(words[at + 1]),
                            static_cast<uint64_t>(words[at + 2])};
        block.extents.push_back({span, static_cast<int64_t>(words[at + 3])});
      }
      blocks.push_back(std::move(block));
    }
    return Napi::Boolean::New(info.Env(), server_->AddBlocks(std::move(blocks)));
  }
  void Close(const Napi::CallbackInfo&) { Stop(); }

 private:
  static uint64_t Count(const Napi::CallbackInfo& info) {
    return static_cast<uint64_t>(info[2].As<Napi::Number>().Int64Value());
  }
  static PageSpan ToSpan3(const Napi::CallbackInfo& info, uint64_t pages) {
    return {static_cast<uint32_t>(info[0].As<Napi::Number>().Int64Value()),
            static_cast<uint64_t>(info[1].As<Napi::Number>().Int64Value()), pages};
  }

  void Stop() {
    if (std::exchange(stopped_, true) || server_ == nullptr) {
      return;
    }
    server_->Unlisten(number_);
    ready_.Release();
    if (hooked_) {
      hooked_ = false;
      napi_remove_env_cleanup_hook(env_, CloseAtEnd, this);
    }
  }
  static void CloseAtEnd(void* self) {
    auto* object = static_cast<PageFillerObject*>(self);
    object->hooked_ = false;
    object->Stop();
  }

  Napi::Env env_;
  std::shared_ptr<PageServer> server_;
  ReadyFunction ready_;
  std::vector<std::byte> scratch_;
  uint64_t number_ = 0;
  bool stopped_ = false;
  bool hooked_ = false;
};

}  // namespace
}  // namespace stillframe

void InitServe(Napi::Env env, Napi::Object exports) {
  using Server = stillframe::PageServerObject;
  exports.Set("PageServer",
              Server::DefineClass(env, "PageServer",
                                  {Server::InstanceMethod<&Server::Id>("id"),
                                   Server::InstanceMethod<&Server::AddView>("addView"),
                                   Server::InstanceMethod<&Server::AskOn>("askOn"),
                                   Server::InstanceMethod<&Server::TakeArrivals>("takeArrivals"),
                                   Server::InstanceMethod<&Server::Prefetch>("prefetch"),
                                   Server::InstanceMethod<&Server::Touched>("touched"),
                                   Server::InstanceMethod<&Server::Missing>("missing"),
                                   Server::InstanceMethod<&Server::Stats>("stats"),
                                   Server::InstanceMethod<&Server::OwnerGone>("ownerGone"),
                                   Server::InstanceMethod<&Server::Close>("close")}));
  using Filler = stillframe::PageFillerObject;
  exports.Set("PageFiller",
              Filler::DefineClass(env, "PageFiller",
                                  {Filler::InstanceMethod<&Filler::Take>("take"),
                                   Filler::InstanceMethod<&Filler::ReadyOrNotify>("readyOrNotify"),
                                   Filler::InstanceMethod<&Filler::KeepAlive>("keepAlive"),
                                   Filler::InstanceMethod<&Filler::ServerClosed>("serverClosed"),
                                   Filler::InstanceMethod<&Filler::Install>("install"),
                                   Filler::InstanceMethod<&Filler::InstallZero>("installZero"),
                                   Filler::InstanceMethod<&Filler::Fail>("fail"),
                                   Filler::InstanceMethod<&Filler::AddBlocks>("addBlocks"),
                                   Filler::InstanceMethod<&Filler::Close>("close")}));
}
