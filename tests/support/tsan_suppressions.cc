// The system's Abseil is built without TSan, which so cannot see that the count
// of a status' owners is atomic.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:absl::*::Status::Unref\n";
}
