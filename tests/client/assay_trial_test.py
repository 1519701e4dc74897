"""Tests of the Python helper: unittest only, like the helper itself."""

import contextlib
import io
import json
import os
import socket
import tempfile
import threading
import unittest

import assay_trial


class FakeWorker:
    """Takes connections; answers each line with what `answer(lines)` gives for all lines so far."""

    def __init__(self, folder, answer):
        self.path = os.path.join(folder, "socket")
        self.lines = []
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer):
        with peer, peer.makefile("r") as lines:
            for line in lines:
                self.lines.append(json.loads(line))
                answers = self._answer(self.lines)
                if answers is None:  # Gone.
                    peer.shutdown(socket.SHUT_RDWR)
                    return
                for answer in answers:
                    peer.sendall(json.dumps(answer).encode() + b"\n")

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class TrialTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def trial(self, answer):
        path = os.path.join(self.folder.name, "trial.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(
                {"study": {"id": 1, "name": "s"},
                 "trial": {"id": 12, "number": 3, "attempt": 2, "replicate": 1}, "seed": 77,
                 "parameters": {"lr": 0.5, "kind": "a"}, "budget": {"from": 0, "to": 20}, "metrics": ["loss"]}, file)
        self.worker = FakeWorker(self.folder.name, answer)
        self.addCleanup(self.worker.close)
        return assay_trial.Trial.from_environment({"ASSAY_TRIAL": path, "ASSAY_SOCKET": self.worker.path}, {})

    def test_reads_the_trial_file(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        self.assertEqual(trial.parameters, {"lr": 0.5, "kind": "a"})
        self.assertEqual((trial.seed, trial.budget, trial.number, trial.attempt), (77, (0, 20), 3, 2))
        self.assertEqual(trial.replicate, 1)

    def test_reports_and_goes_on(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        self.assertFalse(trial.report(step=1, loss=0.5, accuracy=1))
        self.assertFalse(trial.report(step=2, loss=float("nan"), instance=4))
        self.assertEqual(self.worker.lines[0], {"report": {"step": 1, "metrics": {"loss": 0.5, "accuracy": 1.0}}})
        self.assertEqual(self.worker.lines[1],
                         {"report": {"step": 2, "metrics": {"loss": "NaN"}, "instance": 4}})

    def test_reports_gradients(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        trial.report(step=1, loss=0.5, gradients={"loss": {"lr": -1, "wd": float("inf")}},
                     gradient_deviations={"loss": {"lr": 0.25}})
        self.assertEqual(self.worker.lines[0], {"report": {
            "step": 1, "metrics": {"loss": 0.5}, "gradients": {"loss": {"lr": -1.0, "wd": "Infinity"}},
            "gradient_deviations": {"loss": {"lr": 0.25}}}})

    def test_a_stop_before_the_answer_is_heard_with_it(self):
        trial = self.trial(lambda lines: [{"stop": "enough"}, {"ack": len(lines)}])
        self.assertTrue(trial.report(step=1, loss=1))
        self.assertEqual(trial.stop_reason, "enough")
        self.assertTrue(trial.should_stop)

    def test_a_refused_report_raises(self):
        trial = self.trial(lambda lines: [{"error": "step: -1; at least 0"}])
        with self.assertRaisesRegex(ValueError, "at least 0"):
            trial.report(step=-1, loss=1)

    def test_says_how_it_ended(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        trial.attribute("note", "x")
        trial.finish(loss=float("-inf"))
        trial.infeasible("too large")
        self.assertEqual(self.worker.lines, [
            {"attribute": {"key": "note", "value": "x"}},
            {"finish": {"state": "COMPLETED", "metrics": {"loss": "-Infinity"}}},
            {"finish": {"state": "INFEASIBLE", "reason": "too large"}}])

    def test_many_threads_may_report(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        threads = [threading.Thread(target=lambda i=i: trial.report(step=i, loss=i)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(line["report"]["step"] for line in self.worker.lines), list(range(20)))

    def test_a_worker_that_goes_away_does_not_stop_the_training(self):
        trial = self.trial(lambda lines: None)
        for step in range(3):
            self.assertFalse(trial.report(step=step, loss=1))

    def test_an_answer_of_another_kind_is_no_answer(self):
        trial = self.trial(lambda lines: [5, [], {"later": 1}, {"ack": len(lines)}])
        self.assertFalse(trial.report(step=1, loss=1))
        self.assertFalse(trial.report(step=2, loss=1))

    def test_a_forked_process_reports_too(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        trial.report(step=1, loss=1)
        child = os.fork()
        if child == 0:
            stopped = True
            try:
                stopped = trial.report(step=2, loss=1)
            finally:
                os._exit(int(stopped))
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        trial.report(step=3, loss=1)
        self.assertEqual([line["report"]["step"] for line in self.worker.lines], [1, 2, 3])

    def test_the_current_trial_is_the_same_each_time(self):
        environment = {name: os.environ.pop(name) for name in ("ASSAY_TRIAL", "ASSAY_SOCKET") if name in os.environ}
        self.addCleanup(os.environ.update, environment)
        self.addCleanup(setattr, assay_trial, "_current", None)
        trial = assay_trial.current(defaults={"lr": 0.1})
        self.assertEqual(trial.parameters, {"lr": 0.1})
        self.assertIs(assay_trial.current(), trial)

    def test_fails_with_a_reason(self):
        trial = self.trial(lambda lines: [{"ack": len(lines)}])
        trial.fail("no data")
        self.assertEqual(self.worker.lines, [{"finish": {"state": "FAILED", "reason": "no data"}}])

    def test_a_checkpoint_is_said_once_it_is_complete(self):
        trial = self.trial(lambda lines: [{"stop": "enough"}, {"ack": len(lines)}])
        self.assertTrue(trial.checkpoint(step=9))
        self.assertEqual(self.worker.lines, [{"checkpoint": {"step": 9}}])

    def test_a_checkpoint_that_cannot_be_kept_raises(self):
        trial = self.trial(lambda lines: [{"error": 'checkpoint: "latest" is a link'}])
        with self.assertRaisesRegex(ValueError, "is a link"):
            trial.checkpoint(step=9)

    def test_the_folders_of_checkpoints(self):
        trial = assay_trial.Trial({"checkpoint": {"folder": "/c", "final": True}, "resume": {"folder": "/r", "step": 4}})
        self.assertEqual((trial.checkpoint_folder, trial.final_checkpoint), ("/c", True))
        self.assertEqual((trial.resume, trial.resume_step), ("/r", 4))
        trial = assay_trial.Trial({})
        self.assertEqual((trial.checkpoint_folder, trial.final_checkpoint), (None, False))
        self.assertEqual((trial.resume, trial.resume_step), (None, 0))

    def test_a_report_without_metrics_is_a_mistake(self):
        with self.assertRaises(ValueError):
            assay_trial.Trial({}).report(step=1)

    def test_outside_of_a_trial_it_prints(self):
        trial = assay_trial.Trial.from_environment({}, {"lr": 1})
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertFalse(trial.report(step=1, loss=0.5))
        self.assertEqual(json.loads(out.getvalue()), {"report": {"step": 1, "metrics": {"loss": 0.5}}})
        self.assertEqual(trial.parameters, {"lr": 1})


if __name__ == "__main__":
    unittest.main()
