// 32-bit code, without a C library: waits for ever.
void _start(void) {
  for (;;) __asm__ volatile("int $0x80" : : "a"(29 /* pause */) : "memory");
}
