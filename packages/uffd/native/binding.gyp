{
  "variables": { "napi_inc": "<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")" },
  "targets": [
    {
      "target_name": "uffd",
      "include_dirs": ["."],
      "sources": [
        "kernel/abi_check.cc",
        "binding/addon.cc",
        "binding/answerer_binding.cc",
        "binding/capture_binding.cc",
        "binding/connection_binding.cc",
        "binding/fd_passing_binding.cc",
        "binding/memory_binding.cc",
        "binding/owned_fd.cc",
        "binding/owned_mapping.cc",
        "binding/pagemap_binding.cc",
        "binding/process_binding.cc",
        "binding/serve_binding.cc",
        "binding/track_binding.cc",
        "binding/userfault_binding.cc",
        "core/address_ranges.cc",
        "core/arming.cc",
        "core/capture_engine.cc",
        "core/fault_thread.cc",
        "core/guest_memory.cc",
        "core/hole_map.cc",
        "core/pre_image_store.cc",
        "core/sweeper.cc",
        "serve/crc32c.cc",
        "serve/fault_answerer.cc",
        "serve/fault_lane.cc",
        "serve/fault_service.cc",
        "serve/lane_service.cc",
        "serve/page_server.cc",
        "serve/prefetch.cc",
        "serve/served_memory.cc",
        "track/async_tracking.cc",
        "track/dirty_tracker.cc",
        "track/sync_tracking.cc"
      ],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS",
        # Nothing can be thrown into a worker that is being terminated, and then nobody wants to know.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-isystem", "<(napi_inc)", "-std=c++20", "-fexceptions", "-fvisibility=hidden", "-g1",
        "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-unused-parameter"
      ],
      "ldflags": ["-Wl,-z,relro,-z,now"]
    },
    {
      # A process of its own, see trace/main.cc. Static: it needs nothing of the machine that it runs on.
      "target_name": "stillframe-tracer",
      "type": "executable",
      "include_dirs": ["."],
      "sources": [
        "trace/arch_aarch64.cc",
        "trace/arch_x86_64.cc",
        "trace/channel.cc",
        "trace/child_signal.cc",
        "trace/guard.cc",
        "trace/injection.cc",
        "trace/main.cc",
        "trace/pending_signals.cc",
        "trace/proc_files.cc",
        "trace/rseq.cc",
        "trace/seize_call.cc",
        "trace/syscall_instruction.cc",
        "trace/thread_states.cc",
        "trace/threads.cc",
        "trace/tracer.cc",
        "trace/userfault_making.cc"
      ],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++20", "-fno-exceptions", "-fno-rtti", "-g1",
        "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-unused-parameter"
      ],
      "ldflags": ["-static"]
    }
  ]
}
