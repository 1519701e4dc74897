#pragma once

namespace assay {

// SIGTERM asks a training to stop after its current batch. From the first call
// on the signal no longer ends the process; it is only remembered.
void CatchTermination();

bool TerminationRequested();

}  // namespace assay
