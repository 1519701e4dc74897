import type {Study} from '../gen/assay/v1/study_pb';
import {studyService} from './client';

/** Every study, page by page. */
export async function listStudies(signal: AbortSignal): Promise<Study[]> {
  const found: Study[] = [];
  let pageToken = '';
  do {
    const page = await studyService.list({pageSize: 1000, pageToken}, {signal});
    found.push(...page.studies);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return found;
}
