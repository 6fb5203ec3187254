// SPDX-License-Identifier: MIT
// What passes between libxl and QEMU, and what does not.
#include "dom0/xl/qmp_gate.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "dom0/xl/dm_args.h"

namespace xengvt_dm {
namespace {

using testing::HasSubstr;
using xengvtd::Fd;

TEST(RefuseQmp, AnswersSavingAndMigratingInsteadOfQemu) {
  EXPECT_THAT(refuse_qmp("{\"execute\":\"xen-save-devices-state\",\"id\":7}\r\n").value_or(""),
              testing::AllOf(HasSubstr("\"id\":7"), HasSubstr("cannot be saved")));
  EXPECT_TRUE(refuse_qmp(R"({"execute":"xen-set-global-dirty-log","arguments":{"enable":true}})"));
}

TEST(RefuseQmp, LetsEverythingElsePass) {
  for (const char* line :
       {R"({"execute":"qmp_capabilities"})", R"({"execute":"cont"})", "", "{", "xen-save",
        R"({"execute":["xen-save-devices-state"]})", R"(["xen-save-devices-state"])",
        R"({"execute":"xen-set-global-dirty-log","arguments":{"enable":false}})",
        R"({"execute":"xen-set-global-dirty-log"})",
        R"({"execute":"human-monitor-command","arguments":{"x":"xen-save-devices-state"}})"})
    EXPECT_FALSE(refuse_qmp(line)) << line;
}

TEST(MoveQmp, ChangesLibxlsSocketOnly) {
  DmArgs a;
  a.qmp_path = "/run/q-7";
  a.qemu = {"-chardev", "socket,id=libxenstat-cmd,path=/run/x-7", "-chardev",
            "socket,id=libxl-cmd,path=/run/q-7,server=on"};
  move_qmp(a, "/run/q-7-qemu");
  EXPECT_EQ(a.qemu[1], "socket,id=libxenstat-cmd,path=/run/x-7");
  EXPECT_EQ(a.qemu[3], "socket,id=libxl-cmd,path=/run/q-7-qemu,server=on");
}

Fd unix_socket(const std::string& path, bool listens) {
  Fd s(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strcpy(at.sun_path, path.c_str());
  auto* address = reinterpret_cast<sockaddr*>(&at);
  const int bad = listens ? ::bind(s.get(), address, sizeof at) || ::listen(s.get(), 4)
                          : ::connect(s.get(), address, sizeof at);
  return bad ? Fd() : std::move(s);
}
std::string read_line(int fd) {
  std::string line;
  char c;
  while (::recv(fd, &c, 1, 0) == 1 && c != '\n') line += c;
  return line;
}
void say(int fd, const std::string& text) {
  ASSERT_EQ(::send(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
}

TEST(QmpGate, PassesBothWaysAndEndsWithQemu) {
  const std::string path = testing::TempDir() + "gate" + std::to_string(getpid());
  const std::string behind = path + "-qemu";
  const auto gate = QmpGate::listen(path, behind);
  ASSERT_TRUE(gate);
  const Fd qemu = unix_socket(behind, true);
  ASSERT_TRUE(qemu);
  int life[2];
  ASSERT_EQ(::pipe(life), 0);
  std::thread serving([&] { gate->serve(life[0]); });
  const Fd client = unix_socket(path, false);
  ASSERT_TRUE(client);
  const Fd there(::accept(qemu.get(), nullptr, nullptr));
  say(there.get(), "hello\n");
  EXPECT_EQ(read_line(client.get()), "hello");
  // A refused command between two others, in pieces.
  say(client.get(), "one\n{\"execute\":\"xen-save");
  EXPECT_EQ(read_line(there.get()), "one");
  say(client.get(), "-devices-state\"}\ntwo\n");
  EXPECT_EQ(read_line(there.get()), "two");
  EXPECT_THAT(read_line(client.get()), HasSubstr("cannot be saved"));
  ::close(life[1]);
  serving.join();
  ::close(life[0]);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
  EXPECT_NE(::access(behind.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace xengvt_dm
