import {createClient} from '@connectrpc/connect';
import {createConnectTransport} from '@connectrpc/connect-web';

import {CheckpointService} from '../gen/assay/v1/checkpoint_pb';
import {InsightService} from '../gen/assay/v1/insight_pb';
import {ServerService} from '../gen/assay/v1/server_pb';
import {StudyService} from '../gen/assay/v1/study_pb';
import {TrialService} from '../gen/assay/v1/trial_pb';
import {WorkerService} from '../gen/assay/v1/worker_pb';
import {observeConnection} from './connection.svelte';

const transport = createConnectTransport({
  baseUrl: new URL('.', location.href).href,
  // A tenth of JSON's time, at both ends.
  useBinaryFormat: true,
  interceptors: [observeConnection],
});

export const checkpointService = createClient(CheckpointService, transport);
export const insightService = createClient(InsightService, transport);
export const serverService = createClient(ServerService, transport);
export const studyService = createClient(StudyService, transport);
export const trialService = createClient(TrialService, transport);
export const workerService = createClient(WorkerService, transport);
