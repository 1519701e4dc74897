#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/child_program.h"
#include "client/cli/connection.h"
#include "client/cli/private_folder.h"
#include "client/cli/run_folder.h"

namespace assay {

// The server and the worker of an `assay run`, on a socket that only this user
// reaches. Both end with the object, and so does all that trials started: in
// order, or at once after the third interrupt.
class LocalPrograms {
 public:
  // Starts the server on the data in `folder`, which must outlive this. The
  // worker, which is not started yet, will run `slots` trials at a time; 0: as
  // many as it finds fit.
  static absl::StatusOr<std::unique_ptr<LocalPrograms>> Start(
      const RunFolder& folder, int slots);

  ~LocalPrograms();
  LocalPrograms(const LocalPrograms&) = delete;

  // Of the server.
  const std::string& address() const { return address_; }

  // Until it answers. Cancelled after an interrupt; Internal, with the end of
  // its log, if it ends or stays silent for half a minute.
  absl::Status WaitForServer(const Connection& connection);

  absl::Status StartWorker();

  bool BothRun();

  // If the worker has ended, starts another and says why in words; "" if it
  // runs. Internal, with the end of a log, if the server has ended, or if the
  // worker ends again and again.
  absl::StatusOr<std::string> RestartWorker();

  // The worker takes nothing new and ends after its trials.
  void Drain();

  // Until it has ended, or the second interrupt. Without a server it cannot
  // tell of its trials and is not waited for.
  void WaitForWorker();

  // After Drain(): it ends its trials and gives them back to the server. Waits
  // until that is done, a minute at most, or the third interrupt.
  void HandBack();

 private:
  LocalPrograms(const RunFolder& folder, int slots,
                std::unique_ptr<PrivateFolder> sockets);

  absl::Status StartServer();
  void EndWorker();
  // True if it ended in time, with a server and before so many interrupts.
  bool WaitForWorker(absl::Duration time, int interrupts);

  const RunFolder& folder_;
  const int slots_;
  const std::unique_ptr<PrivateFolder> sockets_;
  const std::string address_;
  std::unique_ptr<ChildProgram> server_, worker_;
  absl::Time worker_started_;
  int early_ends_ = 0;  // Of workers, one after the other.
};

}  // namespace assay
