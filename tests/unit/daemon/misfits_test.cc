// SPDX-License-Identifier: MIT
// PV and PVH guests that ask for a vGPU are named, a while after their birth.
#include "dom0/daemon/misfits.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace xengvtd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uint64_t kSecond = 1'000'000'000;

class MisfitsTest : public testing::Test {
 protected:
  MisfitsTest() {
    fs::create_directories(folder_);
    pvh_.id = hv::DomId{3};
    pvh_.hvm = true;
    for (uint8_t i = 0; i < 16; ++i) pvh_.uuid[i] = static_cast<uint8_t>(0xa0 + i);
  }
  ~MisfitsTest() override { fs::remove_all(folder_); }
  void configure(const std::string& text) {
    std::ofstream(folder_ / "userdata-d.3.a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf.libxl-json") << text;
  }
  const fs::path folder_ =
      fs::temp_directory_path() / ("xengvt_misfits_" + std::to_string(getpid()));
  hv::xen::DomainInfo pvh_;
  Misfits misfits_{folder_};
};

TEST_F(MisfitsTest, OneThatAsksForAVgpuIsNamedOnce) {
  misfits_.born(pvh_, kSecond);
  EXPECT_TRUE(misfits_.due(2 * kSecond).empty()) << "libxl is not done yet";
  configure(R"({"b_info":{"device_model":"/usr/libexec/xengvt/xengvt-dm"}})");
  ASSERT_EQ(misfits_.wake_ns(), 6 * kSecond);
  const auto found = misfits_.due(6 * kSecond);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].domain, pvh_.id);
  EXPECT_THAT(found[0].problem.cause, HasSubstr("PVH"));
  EXPECT_TRUE(misfits_.due(60 * kSecond).empty());
  EXPECT_EQ(misfits_.wake_ns(), UINT64_MAX);
}
TEST_F(MisfitsTest, OthersAreNot) {
  configure(R"({"b_info":{"device_model":"/usr/bin/other"}})");
  misfits_.born(pvh_, 0);
  EXPECT_TRUE(misfits_.due(60 * kSecond).empty());
  pvh_.id = hv::DomId{4};  // nothing is known of it
  misfits_.born(pvh_, 0);
  EXPECT_TRUE(misfits_.due(60 * kSecond).empty());
  pvh_.device_model = true;
  misfits_.born(pvh_, 0);
  EXPECT_EQ(misfits_.wake_ns(), UINT64_MAX) << "an HVM guest's wrapper speaks for itself";
}
TEST_F(MisfitsTest, OneThatIsGoneIsForgotten) {
  misfits_.born(pvh_, 0);
  misfits_.gone(pvh_.id);
  EXPECT_EQ(misfits_.wake_ns(), UINT64_MAX);
}
TEST_F(MisfitsTest, ManyBirthsAreBounded) {
  for (int i = 0; i < 1000; ++i) misfits_.born(pvh_, 0);
  configure("/xengvt-dm\"");
  EXPECT_LE(misfits_.due(60 * kSecond).size(), 256u);
}

}  // namespace
}  // namespace xengvtd
