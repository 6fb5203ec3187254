// SPDX-License-Identifier: MIT
// The GPU's interrupt by way of the kernel's uio_pci_generic, played by a pipe.
#include "dom0/gpu/pci/interrupt_line.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/pci/pci_world.h"

namespace pci_test {
namespace {

using gpu::pci::Function;
using gpu::pci::InterruptLine;

class InterruptLineTest : public testing::Test {
 protected:
  void bind() {
    host.link(std::string("sys/bus/pci/devices/") + kAddress + "/driver",
              "../../drivers/uio_pci_generic");
    fs::create_directories(host.file("uio/uio3"));
    fs::create_directories(host.root + "dev");
    ASSERT_EQ(::mkfifo((host.root + "dev/uio3").c_str(), 0600), 0);
  }
  void open() {
    function = std::move(
        Function::claim(host.places, gpu::pci::choose_gpu(host.places, "").value()).value());
    line = InterruptLine::open(host.places, *function);
  }
  void interrupt() {
    const uint32_t count = ++interrupts;
    ASSERT_EQ(::write(line->fd(), &count, sizeof count), static_cast<ssize_t>(sizeof count));
  }
  bool is_on() { return (function->config(4, 2) & 1u << 10) == 0; }
  Host host;
  std::unique_ptr<Function> function;
  std::unique_ptr<InterruptLine> line;
  uint32_t interrupts = 0;
};

TEST_F(InterruptLineTest, IsNotThereWithoutItsDriver) {
  open();
  EXPECT_EQ(line, nullptr);
  EXPECT_FALSE(is_on());
}
TEST_F(InterruptLineTest, IsNotThereWithoutItsFile) {
  bind();
  fs::remove(host.root + "dev/uio3");
  open();
  EXPECT_EQ(line, nullptr);
}
TEST_F(InterruptLineTest, IsOffUntilItIsSwitchedOn) {
  bind();
  open();
  ASSERT_NE(line, nullptr);
  EXPECT_FALSE(is_on());
  line->switch_on();
  EXPECT_TRUE(is_on());
  line.reset();
  function->set_line(false);
  EXPECT_FALSE(is_on());
}
TEST_F(InterruptLineTest, TellsOnceOfAllThatCame) {
  bind();
  open();
  line->switch_on();
  EXPECT_FALSE(line->take());
  interrupt();
  interrupt();
  EXPECT_TRUE(line->take());
  EXPECT_FALSE(line->take());
}
TEST_F(InterruptLineTest, IsSwitchedOnAgainOnlyAfterAnInterrupt) {
  bind();
  open();
  line->switch_on();
  ASSERT_TRUE(function->set_line(false));  // the kernel, at the interrupt
  line->switch_on();
  EXPECT_FALSE(is_on()) << "nothing was taken yet";
  interrupt();
  EXPECT_TRUE(line->take());
  line->switch_on();
  EXPECT_TRUE(is_on());
}
TEST_F(InterruptLineTest, OfAGpuThatIsGivenUpStaysOff) {
  bind();
  open();
  line->switch_on();
  line->give_up();
  EXPECT_FALSE(is_on());
  interrupt();
  EXPECT_TRUE(line->take());
  line->switch_on();
  EXPECT_FALSE(is_on());
}

}  // namespace
}  // namespace pci_test
