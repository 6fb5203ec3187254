// SPDX-License-Identifier: MIT
#include "dom0/daemon/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace xengvtd {
namespace {

constexpr size_t kMaxReplyLine = size_t{16} << 20;
constexpr size_t kMaxReplyBytes = size_t{256} << 20;
constexpr size_t kChunk = 64 * 1024;

Problem lost() {
  return {"xengvtd does not answer", "see 'journalctl -u xengvtd'; systemctl restart xengvtd"};
}

Problem no_daemon(const std::string& socket, int error) {
  if (error == EACCES || error == EPERM)
    return {"this user may not speak with xengvtd (" + socket + ")",
            "run it as root, or set socket-group and socket-mode in xengvtd.conf"};
  return {"xengvtd is not running (" + socket + ": " + std::strerror(error) + ")",
          "systemctl start xengvtd"};
}

}  // namespace

hv::Result<Client, Problem> Client::connect(const std::string& socket, unsigned timeout_s) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (socket.empty() || socket.size() >= sizeof to.sun_path)
    return Problem{"'" + socket + "' is no path of a socket", "give another --socket"};
  std::memcpy(to.sun_path, socket.c_str(), socket.size() + 1);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout{static_cast<time_t>(timeout_s), 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return no_daemon(socket, errno);
  return Client(std::move(fd));
}

bool Client::send(const std::string& line) {
  for (size_t at = 0; at < line.size();) {
    const ssize_t n = ::send(fd_.get(), line.data() + at, line.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

bool Client::receive(size_t at_most) {
  const size_t before = input_.size();
  input_.resize(before + std::min(at_most, kChunk));
  ssize_t n;
  do n = ::recv(fd_.get(), input_.data() + before, input_.size() - before, 0);
  while (n < 0 && errno == EINTR);
  input_.resize(before + (n > 0 ? static_cast<size_t>(n) : 0));
  return n > 0;
}

hv::Result<Answer, Problem> Client::ask(const boost::json::object& request) {
  namespace json = boost::json;
  if (!send(json::serialize(request) + "\n")) return lost();
  std::vector<char>::iterator end;
  size_t seen = 0;
  while ((end = std::find(input_.begin() + static_cast<ptrdiff_t>(seen), input_.end(), '\n')) ==
         input_.end()) {
    seen = input_.size();
    if (seen > kMaxReplyLine || !receive(kChunk)) return lost();
  }
  json::error_code error;
  json::value v = json::parse({input_.data(), static_cast<size_t>(end - input_.begin())}, error);
  input_.erase(input_.begin(), end + 1);
  const json::object* o = error ? nullptr : v.if_object();
  if (!o || !o->if_contains("ok") || !o->at("ok").is_bool()) return lost();
  const auto text = [o](const char* key) {
    const json::value* t = o->if_contains(key);
    return t && t->is_string() ? std::string(t->get_string()) : std::string();
  };
  if (!o->at("ok").get_bool()) return Problem{text("error"), text("cure")};
  Answer answer;
  if (const json::value* result = o->if_contains("result")) answer.result = *result;
  const json::value* bytes = o->if_contains("bytes");
  if (!bytes) return answer;
  if (!bytes->is_int64() || bytes->get_int64() < 0) return lost();
  const auto n = static_cast<size_t>(bytes->get_int64());
  if (n > kMaxReplyBytes) return lost();
  while (input_.size() < n)
    if (!receive(n - input_.size())) return lost();
  answer.bytes.resize(n);
  std::memcpy(answer.bytes.data(), input_.data(), n);
  input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(n));
  return answer;
}

}  // namespace xengvtd
