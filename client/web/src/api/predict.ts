import {Code, ConnectError} from '@connectrpc/connect';

import type {Prediction} from '../gen/assay/v1/insight_pb';
import {toValues} from '../model/configuration';
import type {Scalar} from '../model/format';
import {insightService} from './client';

type Configuration = Record<string, Scalar>;

const most = 1000;

/**
 * What the model expects of each; undefined for those that break a constraint of the space. The
 * server names the first of those in a request, so that each costs one more.
 */
export async function predict(study: string, configurations: Configuration[], signal: AbortSignal): Promise<(Prediction | undefined)[]> {
  const found: (Prediction | undefined)[] = [];
  let refused = -1;
  while (found.length < configurations.length) {
    const end = refused > found.length ? refused : Math.min(found.length + most, configurations.length);
    const asked = configurations.slice(found.length, end);
    try {
      const answer = await insightService.predict(
        {study, configurations: asked.map((parameters) => ({parameters: toValues(parameters)}))}, {signal});
      found.push(...answer.predictions);
    } catch (error) {
      const index = refusedIndex(error);
      if (index === undefined) throw error;
      refused = found.length + index;
    }
    if (refused === found.length) found.push(undefined);
  }
  return found;
}

function refusedIndex(error: unknown): number | undefined {
  const {code, rawMessage} = ConnectError.from(error);
  const named = /configurations\[(\d+)\]/.exec(rawMessage);
  return code === Code.InvalidArgument && named ? Number(named[1]) : undefined;
}
