import {Code, ConnectError} from '@connectrpc/connect';

import type {Study} from '../gen/assay/v1/study_pb';
import type {Attribute, Measurement, Trial as TrialMessage} from '../gen/assay/v1/trial_pb';
import type {Checkpoint} from '../gen/assay/v1/checkpoint_pb';
import {isEnded, toTrial} from '../model/trial';
import {checkpointService, studyService, trialService} from './client';
import {pause, untilVisible, whileVisible} from './waiting';

const retryMilliseconds = 1000;

/** A trial with what belongs to it, kept as the server has them until it has ended. */
export class TrialFeed {
  message = $state.raw<TrialMessage>();
  study = $state.raw<Study>();
  checkpoints = $state.raw<Checkpoint[]>([]);
  attributes = $state.raw<Attribute[]>([]);
  /** The trials that it continues, the first first. */
  lineage = $state.raw<TrialMessage[]>([]);
  /** Rises with each measurement of the trial. */
  measured = $state(0);
  error = $state('');
  readonly trial = $derived(this.message && toTrial(this.message));

  constructor(readonly id: bigint, signal: AbortSignal) {
    this.#run(signal);
  }

  async #run(signal: AbortSignal) {
    while (!signal.aborted) {
      await untilVisible(signal);
      try {
        await this.#load(signal);
        if (this.trial && isEnded(this.trial)) return;
        await this.#watch(whileVisible(signal));
      } catch (error) {
        const {code, rawMessage} = ConnectError.from(error);
        if (code === Code.NotFound || code === Code.InvalidArgument) {
          this.error = rawMessage;
          return;
        }
      }
      await pause(retryMilliseconds, signal);
    }
  }

  async #load(signal: AbortSignal) {
    const message = await trialService.get({trialId: this.id}, {signal});
    // The study's revision before the rest is read: what changes meanwhile is told by the watch.
    this.study = await studyService.get({study: String(message.studyId)}, {signal});
    this.message = message;
    await this.#loadRest(signal);
    const lineage: TrialMessage[] = [];
    for (let id = message.continues; id > 0n; id = lineage[0].continues)
      lineage.unshift(await trialService.get({trialId: id}, {signal}));
    this.lineage = lineage;
  }

  async #loadRest(signal: AbortSignal) {
    const trialId = this.id;
    this.message = await trialService.get({trialId}, {signal});
    this.checkpoints = (await checkpointService.list({trialId, pageSize: 1000}, {signal})).checkpoints;
    this.attributes = (await trialService.listAttributes({trialId}, {signal})).attributes;
  }

  async #watch(signal: AbortSignal) {
    const {id, revision: after} = this.study!;
    for await (const change of studyService.watch({study: String(id), after}, {signal})) {
      if (change.study) this.study = change.study;
      const isMeasured = change.measurements.some(({trialId}) => trialId === this.id);
      if (isMeasured) this.measured++;
      if (isMeasured || change.trials.some((trial) => trial.id === this.id)) await this.#loadRest(signal);
      if (isEnded(this.trial!)) return;
    }
  }

  /** The measurements of an attempt after a sequence. */
  async curve(attempt: number, afterSequence: bigint, signal: AbortSignal): Promise<Measurement[]> {
    const pageSize = 10000;
    const found: Measurement[] = [];
    for (let after = afterSequence, isLast = false; !isLast; after = found.at(-1)?.sequence ?? after) {
      const {measurements} = await trialService.curve({trialId: this.id, attempt, afterSequence: after, pageSize}, {signal});
      found.push(...measurements);
      isLast = measurements.length < pageSize;
    }
    return found;
  }
}
