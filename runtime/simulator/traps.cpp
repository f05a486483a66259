// What would end the process, an address that is not mapped or an integer division by zero, ends the
// dispatch instead, as a finding. The handlers are in place only while kernels run.
#include "simulator.h"

#include <signal.h>
#include <ucontext.h>

namespace {
constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE};
struct sigaction before[3];
thread_local bool here;  // this thread runs the kernel
} // namespace

static void trapped(int signal, siginfo_t*, void* context) {
  if (!here || !running_actor()) {
    // Not ours: with the old handler back in place the same instruction faults again.
    traps_off();
    return;
  }
  auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const char* site = reinterpret_cast<const char*>(registers[REG_RIP]) + 1;
  if (signal == SIGFPE)
    report("DIVISION", site, "integer division by zero, or of the least integer by -1");
  else
    report("OUT_OF_BOUNDS", site, "access to memory that is not mapped by thread %u of threadgroup %u",
           running_actor()->thread, order.group);
  stop_dispatch();
}

void traps_on() {
  here = true;
  struct sigaction action = {};
  action.sa_sigaction = trapped;
  // The handler is left by a switch of stacks, so nothing must stay blocked.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  for (int i = 0; i < 3; i++) sigaction(signals[i], &action, &before[i]);
}

void traps_off() {
  for (int i = 0; i < 3; i++) sigaction(signals[i], &before[i], nullptr);
  here = false;
}
