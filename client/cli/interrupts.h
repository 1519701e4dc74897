#pragma once

namespace assay {

// Counts from now on, instead of ending the program, how often somebody asks it
// to end: Ctrl-C, SIGTERM, SIGHUP (not under nohup). A reader of the output
// that left asks once, however much is still written.
void CountInterrupts();

// So far.
int Interrupts();

}  // namespace assay
