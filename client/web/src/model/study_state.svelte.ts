import {getContext, setContext} from 'svelte';

import type {StudyFeed} from '../api/study_feed.svelte';
import {Goal, type Metric} from '../gen/assay/v1/study_pb';
import {route, setQuery} from '../router.svelte';
import {metricAxes, objectives, parameterAxes} from './axis';
import {type Filter, filterFromText, filterToText, maskOf} from './filter';
import {recordsOf} from './records';
import type {Trial} from './trial';

/** What all views of a study share: its trials, its axes, and what the brushes leave of it. */
export class StudyState {
  /** A filter that is being dragged, before it is in the address. */
  #draft = $state.raw<Filter>();
  readonly feed: StudyFeed;
  readonly #filter = $derived(this.#draft ?? filterFromText(route.query.where, route.query.states));

  /** `feed` has its study. */
  constructor(feed: StudyFeed) {
    this.feed = feed;
  }

  readonly spec = $derived.by(() => this.feed.study!.spec!);
  readonly trials = $derived.by(() => this.feed.trials);
  // Declared ones hang on no trial.
  readonly parameterAxes = $derived(parameterAxes(this.spec, this.spec.parameters.length ? [] : this.trials));
  readonly metricAxes = $derived(metricAxes(this.spec, this.trials));
  readonly axes = $derived([...this.parameterAxes, ...this.metricAxes]);
  readonly objectives = $derived(objectives(this.spec));
  /** One byte a trial: what brushes and states show. */
  readonly mask = $derived(maskOf(this.#filter, this.trials, this.axes));
  readonly shownCount = $derived(this.mask.reduce((sum, shown) => sum + shown, 0));
  readonly shown = $derived(this.trials.filter((_, i) => this.mask[i]));

  /** The objective that views of one value show: the address names it, else the first. */
  readonly objective: Metric = $derived(
    this.spec.metrics.find(({name}) => name === route.query.metric) ?? this.objectives[0]);
  readonly objectiveAxis = $derived(this.metricAxes.find(({name}) => name === this.objective.name)!);
  readonly isMaximized = $derived(this.objective.goal === Goal.MAXIMIZE);

  get filter(): Filter {
    return this.#filter;
  }

  drag(filter: Filter) {
    this.#draft = filter;
  }

  setFilter(filter: Filter) {
    this.#draft = undefined;
    setQuery(filterToText(filter));
  }

  /** By the first objective that is shown; of several, only one of many that nothing beats. */
  readonly best: Trial | undefined = $derived(
    recordsOf(this.spec, this.objective, this.trials, ({number}) => number).at(-1));

  /** Steps of the number of ended trials by tenths: views that cost the server ask again then. */
  readonly progress = $derived.by(() =>
    Math.floor(Math.log(1 + Number(this.feed.study?.counts?.completed ?? 0n)) / Math.log(1.1)));
}

const key = Symbol('study');

export function provideStudy(state: () => StudyState) {
  setContext(key, state);
}

export function useStudy(): StudyState {
  return getContext<() => StudyState>(key)();
}
