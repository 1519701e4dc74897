#include "client/cli/gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "client/cli/terminal.h"

extern char** environ;

namespace assay {
namespace {

// Files instead of pipes: a script may be long, and nobody waits for the other.
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File FileWith(const std::string& text) {
  File file(std::tmpfile(), &std::fclose);
  if (!file) return file;
  std::fwrite(text.data(), 1, text.size(), file.get());
  std::rewind(file.get());
  return file;
}

std::string ReadAll(std::FILE* file) {
  std::string text;
  std::array<char, 4096> piece;
  std::rewind(file);
  for (size_t n; (n = std::fread(piece.data(), 1, piece.size(), file)) > 0;) {
    text.append(piece.data(), n);
  }
  return text;
}

absl::Status CannotRun(int error) {
  if (error == ENOENT) {
    return absl::InternalError(
        "gnuplot draws the plots, and is not installed: apt install "
        "gnuplot-nox");
  }
  return absl::InternalError(
      absl::StrCat("cannot run gnuplot: ", std::strerror(error)));
}

}  // namespace

absl::Status RunGnuplot(const std::string& script) {
  const File input = FileWith(script);
  const File said = FileWith("");
  if (!input || !said) return CannotRun(errno);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, fileno(input.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, fileno(said.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, fileno(said.get()), STDERR_FILENO);
  std::array<char, 8> name = {"gnuplot"};
  std::array<char*, 2> argv = {name.data(), nullptr};
  pid_t pid = 0;
  const int error =
      posix_spawnp(&pid, name.data(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return CannotRun(error);
  int end = 0;
  while (waitpid(pid, &end, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(end) && WEXITSTATUS(end) == 0) return absl::OkStatus();
  const std::string words = ReadAll(said.get());
  return absl::InternalError(absl::StrCat(
      "gnuplot failed: ", std::string(absl::StripAsciiWhitespace(words))));
}

std::string GnuplotText(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(Printable(text), {{"'", "''"}}),
                      "'");
}

}  // namespace assay
