// SPDX-License-Identifier: MIT
// The control socket itself: who may use it, and connections that do nothing.
#include "dom0/daemon/control_server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <sstream>

#include "dom0/daemon/fd.h"
#include "dom0/daemon/local_backend.h"

namespace xengvtd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class ControlServerTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.socket =
        std::filesystem::temp_directory_path() / ("xengvtd_" + std::to_string(getpid()) + ".sock");
    config_.socket_mode = 0640;
    ASSERT_EQ(service_.start(), "");
  }
  Fd connect() {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    config_.socket.copy(to.sun_path, sizeof to.sun_path - 1);
    Fd s(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(::connect(s.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    return s;
  }
  /// What the client gets while the server runs so long; "end" where it was hung up.
  std::string get(const Fd& s, milliseconds time) {
    io_.run_for(time);
    char bytes[4096];
    const ssize_t n = ::recv(s.get(), bytes, sizeof bytes, 0);
    return n == 0 ? "end" : n < 0 ? "" : std::string(bytes, static_cast<size_t>(n));
  }
  static void say(const Fd& s, const std::string& words) {
    ASSERT_EQ(::send(s.get(), words.data(), words.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(words.size()));
  }
  Config config_ = default_config();
  WallClock clock_;
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  LocalBackend backend_{clock_};
  Service service_{config_, backend_, clock_, log_};
  boost::asio::io_context io_{1};
  ControlServer server_{io_, service_, [] {}, milliseconds(50)};
};

TEST_F(ControlServerTest, OnlyThoseOfTheConfigurationMaySpeak) {
  ASSERT_EQ(server_.listen(config_), "");
  struct stat s {};
  ASSERT_EQ(stat(config_.socket.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0640u);
}
TEST_F(ControlServerTest, AGroupThatIsNotThereIsRefused) {
  config_.socket_group = "no-such-group";
  EXPECT_THAT(server_.listen(config_), HasSubstr("correct socket-group"));
}
TEST_F(ControlServerTest, ASecondDaemonIsRefused) {
  ASSERT_EQ(server_.listen(config_), "");
  ControlServer second(io_, service_, [] {});
  EXPECT_THAT(second.listen(config_), HasSubstr("another xengvtd is running"));
}
TEST_F(ControlServerTest, RequestsAreAnsweredInOrderHoweverTheyArrive) {
  ASSERT_EQ(server_.listen(config_), "");
  const Fd s = connect();
  say(s, R"({"request":"list"})"
         "\n"
         R"({"request":)");
  EXPECT_THAT(get(s, milliseconds(10)), HasSubstr("\"backend\":\"local\""));
  say(s, "1}\n");
  EXPECT_THAT(get(s, milliseconds(10)), HasSubstr("bad request"));
}
TEST_F(ControlServerTest, WhoSaysNothingIsHungUpOn) {
  ASSERT_EQ(server_.listen(config_), "");
  const Fd s = connect();
  say(s, R"({"request":)");
  EXPECT_EQ(get(s, milliseconds(10)), "");
  EXPECT_EQ(get(s, milliseconds(100)), "end");
}
TEST_F(ControlServerTest, WhoTakesNoAnswerIsHungUpOn) {
  ASSERT_EQ(server_.listen(config_), "");
  const Fd s = connect();
  const int small = 1;
  ASSERT_EQ(setsockopt(s.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "{\"request\":\"types\"}\n";
  say(s, many);
  io_.run_for(milliseconds(150));
  char bytes[65536];
  ssize_t n = 0;
  while ((n = ::recv(s.get(), bytes, sizeof bytes, 0)) > 0) continue;
  EXPECT_EQ(n, 0) << "the end";
}
TEST_F(ControlServerTest, ALineWithoutEndIsRefused) {
  ASSERT_EQ(server_.listen(config_), "");
  const Fd s = connect();
  say(s, std::string(kMaxRequest + 1, ' '));
  EXPECT_THAT(get(s, milliseconds(10)), HasSubstr("longer than"));
}

}  // namespace
}  // namespace xengvtd
