#include "server/http/allowed_hosts.h"

#include "gtest/gtest.h"

namespace assay {
namespace {

const AllowedHosts& Hosts() {
  static const auto& hosts = *new AllowedHosts({"Assay.Lab", "fd00::7"});
  return hosts;
}

TEST(AllowedHostsTest, LoopbackAndOwnNamesWithAndWithoutPort) {
  for (const char* host :
       {"localhost", "localhost:7071", "LOCALHOST", "127.0.0.1:80", "[::1]",
        "[::1]:7071", "assay.lab", "ASSAY.lab:443", "[fd00::7]:1",
        "localhost:", "10.0.0.5", "10.0.0.5:7071"}) {
    EXPECT_TRUE(Hosts().AllowsHost(host, "10.0.0.5")) << host;
  }
}

TEST(AllowedHostsTest, AnotherNameIsRefused) {
  for (const char* host :
       {"", ":", ":80", "evil.example", "localhost.evil.example",
        "evil.example:7071", "localhost:x", "localhost:123456", "[::1", "::1",
        "[::1]x", "localhost/", "localhost@evil", "10.0.0.6", " localhost"}) {
    EXPECT_FALSE(Hosts().AllowsHost(host, "10.0.0.5")) << host;
  }
}

TEST(AllowedHostsTest, AddressOfTheConnectionMayBeIPv6) {
  EXPECT_TRUE(Hosts().AllowsHost("[fd00::9]:7071", "fd00::9"));
  EXPECT_FALSE(Hosts().AllowsHost("[fd00::9]:7071", "fd00::8"));
}

TEST(AllowedHostsTest, OriginIsAUrlOfThisServer) {
  EXPECT_TRUE(Hosts().AllowsOrigin("http://localhost:7071", ""));
  EXPECT_TRUE(Hosts().AllowsOrigin("https://assay.lab", ""));
  EXPECT_FALSE(Hosts().AllowsOrigin("null", ""));
  EXPECT_FALSE(Hosts().AllowsOrigin("localhost", ""));
  EXPECT_FALSE(Hosts().AllowsOrigin("ftp://localhost", ""));
  EXPECT_FALSE(Hosts().AllowsOrigin("http://evil.example", ""));
}

}  // namespace
}  // namespace assay
