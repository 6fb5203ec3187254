// SPDX-License-Identifier: MIT
// A whole guest in one small file: it takes hvmloader's place (xl's firmware_override), finds the
// vGPU, brings its blitter up and has it store numbers into guest memory, which it checks. So a
// domain with a vGPU at work is there within seconds, and can be created, rebooted, crashed and
// destroyed many times.
//
// What it does at the end is in `mode`, which the bed changes in the file. As a hog it keeps the
// render engine busy instead, with two requests of 6 to 50 ms of modelled time in hand at any time.
// It speaks through Xen's debug port, so that its words are in xl dmesg and cost nothing.
//
// Register numbers: SKL PRM vol 2c; logical ring contexts and execlists: vol 7; commands: vol 2a.
using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;

// "work": store until somebody ends this. Or store a hundred times, then "halt", "reboot" or
// "crash". Or be a "hog" until somebody ends this.
extern "C" {
__attribute__((used)) volatile char mode[16] = "lean:work   ";
[[noreturn]] void run();
}

// hvmloader's place is entered in 32-bit protected mode with flat segments, without a stack.
__asm__(".globl _start\n_start: cld\n mov $stack_end, %esp\n call run\n");
alignas(16) u8 stack[16384];
__asm__(".globl stack_end\n.set stack_end, stack+16384");

namespace {

void out8(unsigned short port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
void out32(unsigned short port, u32 v) { __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port)); }
u32 in32(unsigned short port) {
  u32 v;
  __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
void say(const char* s) {
  const char* const words[] = {"lean: ", s, "\n"};
  for (const char* word : words)
    for (; *word; ++word) out8(0xe9, static_cast<u8>(*word));
}

// ---- Xen: hypercalls through its page.

alignas(4096) u8 hypercalls[4096];

void cpuid(u32 leaf, u32& a, u32& b, u32& c, u32& d) {
  __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf), "c"(0));
}
bool find_xen() {
  for (u32 base = 0x40000000; base < 0x40010000; base += 0x100) {
    u32 a, b, c, d;
    cpuid(base, a, b, c, d);
    if (b != 0x566e6558 || c != 0x65584d4d || d != 0x4d4d566e) continue;  // "XenVMMXenVMM"
    cpuid(base + 2, a, b, c, d);
    __asm__ volatile("wrmsr" ::"c"(b), "a"(hypercalls), "d"(0));
    return true;
  }
  return false;
}
/// sched_op: 0 yields, 2 ends the domain for a reason (0 poweroff, 1 reboot, 3 crash).
void sched_op(u32 command, u32* argument) {
  u32 result;
  __asm__ volatile("call *%[page]"
                   : "=a"(result), "+b"(command), "+c"(argument)
                   : [page] "r"(hypercalls + 32 * 29)
                   : "memory");
}
void yield() { sched_op(0, nullptr); }
[[noreturn]] void end(u32 reason) {
  for (;;) sched_op(2, &reason);
}

// ---- The vGPU: PCI 00:02.0.

constexpr u32 kBar0 = 0xf0000000, kBar2 = 0xe0000000, kGtt = 8u << 20;

u32 config_address(u32 offset) { return 0x80000000 | 2 << 11 | offset; }
u32 config_read(u32 offset) {
  out32(0xcf8, config_address(offset));
  return in32(0xcfc);
}
void config_write(u32 offset, u32 v) {
  out32(0xcf8, config_address(offset));
  out32(0xcfc, v);
}
volatile u32& reg(u32 offset) { return *reinterpret_cast<volatile u32*>(kBar0 + offset); }

bool find_gpu() {
  if ((config_read(0) & 0xffff) != 0x8086) return false;
  config_write(0x10, kBar0);
  config_write(0x14, 0);
  config_write(0x18, kBar2);
  config_write(0x1c, 0);
  config_write(4, 6);                                               // memory, master
  return reg(0x78000) == 0x76544776 && reg(0x78004) == 0x47765447;  // PVINFO: "vGTvGTvG"
}

// Memory of its own that the GPU sees, from graphics address 0x1000 on.
struct Shared {
  u32 status[1024];     // hardware status page
  u32 image[22][1024];  // context: its own status page, register state; more on the render engine
  u32 ring[1024];
  u32 target[1024];
  u64 pml4[512];  // of an empty address space
};
alignas(4096) Shared shared;

template <class T>
u32 graphics(const T& what) {
  return 0x1000 + (reinterpret_cast<u32>(&what) - reinterpret_cast<u32>(&shared));
}
u32 low(const void* p) { return reinterpret_cast<u32>(p); }

void map_shared() {
  for (u32 i = 0; i < sizeof(Shared) / 4096; ++i) {
    reg(kGtt + 8 * (i + 1)) = (low(&shared) + 4096 * i) | 1;
    reg(kGtt + 8 * (i + 1) + 4) = 0;
  }
}

constexpr u32 kBlitter = 0x22000, kRender = 0x2000, kPatience = 100000;
u32 engine = kBlitter;
constexpr u32 kRelative[] = {0x244, 0x34,  0x30,  0x38,  0x3c,  0x168, 0x140, 0x110,
                             0x11c, 0x114, 0x118, 0x1c0, 0x1c4, 0x1c8, 0x3a8, 0x28c,
                             0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270};

void make_context() {
  u32* s = shared.image[1];
  s[1] = 0x1100101b;   // load 14 registers
  s[33] = 0x11001011;  // load 9 registers
  for (u32 i = 0; i < sizeof kRelative / sizeof *kRelative; ++i)
    s[i < 14 ? 2 + 2 * i : 34 + 2 * (i - 14)] = engine + kRelative[i];
  s[3] = 0x00090009;  // inhibit restore of what was never saved, and synchronous switches
  s[9] = graphics(shared.ring);
  s[11] = 1;  // one page, enabled
  s[51] = low(shared.pml4);
}
void start_engine() {
  reg(0xa188) = 0x00010001;          // forcewake
  reg(engine + 0x29c) = 0x80008000;  // run lists
  reg(engine + 0x9c) = 0x01000000;   // do not stop
  reg(engine + 0x80) = graphics(shared.status);
}

u32 tail = 0;
void put(u32 word) {
  shared.ring[tail / 4] = word;
  tail = (tail + 4) % sizeof shared.ring;
}
void submit() {
  shared.image[1][7] = tail;
  const u32 descriptor = graphics(shared.image) | 0x119;  // valid, 48-bit legacy mode, privileged
  const u32 words[] = {0, 0, 0x20, descriptor};
  for (const u32 word : words) reg(engine + 0x230) = word;
}
void put_store(u32 value) {
  put(0x10400002);  // MI_STORE_DWORD_IMM through the GGTT
  put(graphics(shared.target) + 4 * (value % 64));
  put(0);
  put(value);
}
u32 stored(u32 value) { return *const_cast<volatile u32*>(&shared.target[value % 64]); }

/// Has the blitter store `value`; false if that is not seen for long.
bool store(u32 value) {
  put_store(value);
  submit();
  for (u32 n = 0; n < kPatience; ++n) {
    if (stored(value) == value && *const_cast<volatile u32*>(&shared.image[1][5]) == tail)
      return true;
    yield();
  }
  return false;
}
/// As a driver does when the GPU stands still.
void reset() {
  say("resets");
  reg(engine + 0xd0) = 0x00010001;
  reg(0x941c) = 1u << 3;
  reg(engine + 0xd0) = 0x00010000;
  shared.image[1][5] = shared.image[1][7];
  start_engine();
}

/// A request of 3 to 25 primitives of 2 ms each by the model's cost, whose end is seen.
void put_request(u32 value) {
  constexpr u32 kVertices = 998000;  // 4 us and 2 ns each
  for (u32 n = 3 + value * 2654435761u / 65536 % 23; n > 0; --n) {
    put(0x7b000005);  // 3DPRIMITIVE
    put(0);
    put(kVertices);
    put(0);
    put(1);
    put(0);
    put(0);
    put(0);
  }
  put_store(value);
}
// So many that its next is there in time also where other processors' work comes first.
constexpr u32 kQueued = 4;
[[noreturn]] void hog() {
  u32 done = 0;
  for (u32 n = 1;; ++n) {
    put_request(n);
    submit();
    if (n == 1) say("hogs");
    while (n - done >= kQueued) {
      if (stored(done + 1) == done + 1)
        ++done;
      else
        yield();
    }
  }
}

}  // namespace

extern "C" void run() {
  if (!find_xen()) out8(0xe9, '!');
  say("starts");
  if (!find_gpu()) {
    say("finds no vGPU");
    end(0);
  }
  const char what = mode[6] == 'o' && mode[5] == 'h' ? 'g' : mode[5];
  if (what == 'g') engine = kRender;
  map_shared();
  make_context();
  start_engine();
  if (what == 'g') hog();
  for (u32 n = 1;; ++n) {
    if (!store(n)) {
      reset();
      if (!store(n)) {
        say("stores nothing");
        end(0);
      }
      say("stores again");
    }
    if (n == 1) say("stores");
    if (n < 100 || what == 'w') continue;
    say(what == 'h' ? "halts" : what == 'r' ? "reboots" : "crashes");
    end(what == 'h' ? 0 : what == 'r' ? 1 : 3);
  }
}
