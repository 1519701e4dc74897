#include "tests/worker/trainer/support/trainer_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

namespace assay {
namespace {

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

int OpenForWriting(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
}

}  // namespace

TrainerProcess::TrainerProcess(const std::vector<std::string>& arguments,
                               const Environment& environment) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) std::abort();
  pid_ = fork();
  if (pid_ == 0) BecomeTrainer(arguments, environment, pipe_ends[0]);
  close(pipe_ends[0]);
  input_ = pipe_ends[1];
}

TrainerProcess::~TrainerProcess() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Wait();
  }
  CloseInput();
}

void TrainerProcess::BecomeTrainer(std::vector<std::string> arguments,
                                   const Environment& environment,
                                   int input) const {
  dup2(input, STDIN_FILENO);
  dup2(OpenForWriting(folder_.path() + "/out"), STDOUT_FILENO);
  dup2(OpenForWriting(folder_.path() + "/err"), STDERR_FILENO);
  for (const char* name : {"ASSAY_TRIAL", "ASSAY_SOCKET", "ASSAY_DATA_ROOT",
                           "ASSAY_CHECKPOINT", "ASSAY_RESUME"}) {
    unsetenv(name);
  }
  for (const auto& [name, value] : environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  std::string binary = TRAINER_BINARY;
  std::vector<char*> raw = {binary.data()};
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  execv(raw[0], raw.data());
  _exit(127);
}

void TrainerProcess::WriteInput(const std::string& text) const {
  if (write(input_, text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    std::abort();
  }
}

void TrainerProcess::CloseInput() {
  if (input_ >= 0) close(input_);
  input_ = -1;
}

void TrainerProcess::Signal(int signal) const { kill(pid_, signal); }

int TrainerProcess::Wait() {
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return -1;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string TrainerProcess::Output() const {
  return ReadAll(folder_.path() + "/out");
}

std::string TrainerProcess::Errors() const {
  return ReadAll(folder_.path() + "/err");
}

}  // namespace assay
