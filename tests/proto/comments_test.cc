// The .proto files are the reference of the API: everything in them says what
// it is, and each RPC which errors it has.

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace assay {
namespace {

namespace pb = google::protobuf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

pb::FileDescriptorSet ReadDescriptors() {
  pb::FileDescriptorSet set;
  std::ifstream file(ASSAY_DESCRIPTORS, std::ios::binary);
  EXPECT_TRUE(set.ParseFromIstream(&file));
  return set;
}

// The comment above a thing, or behind it on the same line.
template <typename Descriptor>
std::string CommentOf(const Descriptor& thing) {
  pb::SourceLocation location;
  if (!thing.GetSourceLocation(&location)) return "";
  return location.leading_comments + location.trailing_comments;
}

bool IsCode(const std::string& word) {
  static const auto& codes = *new std::set<std::string>{
      "Cancelled",        "Unknown",           "InvalidArgument",
      "DeadlineExceeded", "NotFound",          "AlreadyExists",
      "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",          "OutOfRange",        "Unimplemented",
      "Internal",         "Unavailable",       "DataLoss",
      "Unauthenticated"};
  return codes.count(word) > 0;
}

// A line "  Code  when": indented, so that it stands out in the reference.
bool IsErrorLine(absl::string_view line) {
  const std::vector<std::string> words =
      absl::StrSplit(absl::StripAsciiWhitespace(line), ' ');
  return absl::StartsWith(line, "   ") && words.size() > 2 &&
         IsCode(words[0]) && words[1].empty();
}

bool SaysItsErrors(absl::string_view comment) {
  if (absl::StrContains(comment, "No further errors")) return true;
  for (absl::string_view line : absl::StrSplit(comment, '\n')) {
    if (IsErrorLine(line)) return true;
  }
  return false;
}

// Collects the full names of what is not documented.
class Walk {
 public:
  void File(const pb::FileDescriptor& file) {
    for (int i = 0; i < file.message_type_count(); ++i) {
      Message(*file.message_type(i));
    }
    for (int i = 0; i < file.enum_type_count(); ++i) Enum(*file.enum_type(i));
    for (int i = 0; i < file.service_count(); ++i) Service(*file.service(i));
  }

  const std::vector<std::string>& missing() const { return missing_; }

 private:
  template <typename Descriptor>
  void NeedsComment(const Descriptor& thing) {
    const std::string comment = CommentOf(thing);
    if (absl::StripAsciiWhitespace(comment).empty()) {
      missing_.push_back(thing.full_name());
    }
  }

  void Message(const pb::Descriptor& message) {
    if (message.options().map_entry()) return;
    NeedsComment(message);
    for (int i = 0; i < message.field_count(); ++i) {
      NeedsComment(*message.field(i));
    }
    for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
      NeedsComment(*message.oneof_decl(i));
    }
    for (int i = 0; i < message.nested_type_count(); ++i) {
      Message(*message.nested_type(i));
    }
    for (int i = 0; i < message.enum_type_count(); ++i) {
      Enum(*message.enum_type(i));
    }
  }

  void Enum(const pb::EnumDescriptor& type) {
    NeedsComment(type);
    for (int i = 0; i < type.value_count(); ++i) NeedsComment(*type.value(i));
  }

  void Service(const pb::ServiceDescriptor& service) {
    NeedsComment(service);
    for (int i = 0; i < service.method_count(); ++i) {
      const pb::MethodDescriptor& method = *service.method(i);
      NeedsComment(method);
      if (!SaysItsErrors(CommentOf(method))) {
        missing_.push_back(method.full_name() + ": errors");
      }
    }
  }

  std::vector<std::string> missing_;
};

std::vector<std::string> Undocumented(const pb::FileDescriptorSet& set) {
  pb::DescriptorPool pool;
  Walk walk;
  for (const pb::FileDescriptorProto& file : set.file()) {
    const pb::FileDescriptor* built = pool.BuildFile(file);
    EXPECT_NE(built, nullptr) << file.name();
    if (absl::StartsWith(file.name(), "assay/")) walk.File(*built);
  }
  return walk.missing();
}

TEST(CommentsTest, EverythingIsDocumented) {
  EXPECT_THAT(Undocumented(ReadDescriptors()), IsEmpty());
}

TEST(CommentsTest, EveryFileOfTheFolderIsLookedAt) {
  const pb::FileDescriptorSet set = ReadDescriptors();
  std::set<std::string> looked_at;
  for (const auto& file : set.file()) looked_at.insert(file.name());
  for (const auto& entry :
       std::filesystem::directory_iterator(ASSAY_PROTO_FOLDER)) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(looked_at.count("assay/v1/" + name), 1u) << name;
  }
}

// The walk itself: without source info nothing has a comment.
TEST(CommentsTest, WalkFindsWhatHasNoComment) {
  pb::FileDescriptorSet set;
  pb::FileDescriptorProto& file = *set.add_file();
  file.set_name("assay/v1/test.proto");
  pb::DescriptorProto& message = *file.add_message_type();
  message.set_name("M");
  pb::FieldDescriptorProto& field = *message.add_field();
  field.set_name("f");
  field.set_number(1);
  field.set_type(pb::FieldDescriptorProto::TYPE_INT32);
  field.set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  pb::EnumDescriptorProto& type = *file.add_enum_type();
  type.set_name("E");
  pb::EnumValueDescriptorProto& value = *type.add_value();
  value.set_name("V");
  value.set_number(0);
  pb::ServiceDescriptorProto& service = *file.add_service();
  service.set_name("S");
  pb::MethodDescriptorProto& method = *service.add_method();
  method.set_name("C");
  method.set_input_type("M");
  method.set_output_type("M");
  EXPECT_THAT(Undocumented(set),
              ElementsAre("M", "M.f", "E", "V", "S", "S.C", "S.C: errors"));
}

TEST(CommentsTest, ErrorTableIsRecognised) {
  EXPECT_TRUE(SaysItsErrors(" Does it.\n   NotFound  no such study\n"));
  EXPECT_TRUE(SaysItsErrors(" Does it. No further errors.\n"));
  EXPECT_FALSE(SaysItsErrors(" Does it. NotFound if there is none.\n"));
  EXPECT_FALSE(SaysItsErrors(" Does it.\n   Missing  no such study\n"));
}

}  // namespace
}  // namespace assay
