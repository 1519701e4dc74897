import {create} from '@bufbuild/protobuf';
import {expect, test} from '@playwright/test';

import {Goal, MetricSchema, StudySpecSchema} from '../src/gen/assay/v1/study_pb';
import {curvesScale, metricScale} from '../src/model/axis';
import {activeParameters} from '../src/model/configuration';
import {toCsv} from '../src/model/csv';
import {fromText, parseList, toSpec} from '../src/model/draft';
import {describe, filterFromText, filterToText, keeps} from '../src/model/filter';
import {formatBytes, formatDuration, formatNumber} from '../src/model/format';
import {lanesOf, placeText, seatsOf} from '../src/model/lanes';
import {recordsOf} from '../src/model/records';
import {categories, linear, log, logitScale, reverseLog, rounded, type Scale} from '../src/model/scale';
import type {Trial} from '../src/model/trial';
import {networkParameters} from './seed';

const scales: [string, Scale, number, number][] = [
  ['linear', linear(-2, 6), -2, 6],
  ['log', log(1e-5, 0.1), 1e-5, 0.1],
  ['reverse log', reverseLog(0.9, 0.999), 0.9, 0.999],
  ['logit', logitScale(0.01, 0.99), 0.01, 0.99],
];

for (const [name, scale, min, max] of scales)
  test(`a ${name} scale places its ends at 0 and 1, and finds values again`, () => {
    expect(scale.toUnit(min)).toBeCloseTo(0, 9);
    expect(scale.toUnit(max)).toBeCloseTo(1, 9);
    for (const unit of [0, 0.1, 0.5, 0.9, 1]) expect(scale.toUnit(scale.fromUnit(unit))).toBeCloseTo(unit, 9);
    const ticks = scale.ticks(5);
    expect(ticks.length).toBeGreaterThan(1);
    for (const {at} of ticks) expect(at).toBeGreaterThanOrEqual(-1e-9);
    for (const {at} of ticks) expect(at).toBeLessThanOrEqual(1 + 1e-9);
  });

test('a reverse log scale is dense near its end', () => {
  expect(reverseLog(1, 1000).fromUnit(0.5)).toBeGreaterThan(900);
});

test('whole numbers stay whole, and categories have a place each', () => {
  expect(rounded(log(1, 100)).fromUnit(0.5)).toBe(10);
  const scale = categories(['a', 'b', true, 4]);
  expect(['a', 'b', true, 4].map((value) => scale.toUnit(value))).toEqual([0.125, 0.375, 0.625, 0.875]);
  expect(scale.fromUnit(0.99)).toBe(4);
  expect(scale.toUnit('c')).toBeNaN();
});

test('a diverged run does not set the scale of a metric', () => {
  const values = Array.from({length: 99}, (_, i) => i / 100);
  expect(metricScale([...values, 1e6, NaN, Infinity]).fromUnit(1)).toBe(0.98);
});

test('a long flat end does not hide the beginning of a curve', () => {
  const curve = Array.from({length: 1000}, (_, step) => 0.1 + 2 * Math.exp(-step / 5));
  expect(curvesScale([curve]).fromUnit(1)).toBeCloseTo(2.1, 9);
  expect(curvesScale([...Array(9).fill(curve), [NaN, 1e9]]).fromUnit(1)).toBeCloseTo(2.1, 9);
});

test('a filter in an address is the filter again', () => {
  const filter = {
    kept: {'p:lr': {low: 1e-4, high: 0.01}, 'm:loss': {low: -Infinity, high: 0.5}, 'p:optimizer': {values: ['adam', true, 3]}},
    states: ['COMPLETED' as const],
  };
  const {where, states} = filterToText(filter);
  expect(filterFromText(where, states)).toEqual(filter);
  expect(filterFromText('no JSON', '')).toEqual({kept: {}, states: []});
  expect(describe(filter.kept['m:loss'])).toBe('≤ 0.5');
  expect(keeps(filter.kept['p:lr'], 0.02)).toBe(false);
  expect(keeps(filter.kept['p:lr'], undefined)).toBe(false);
});

test('CSV quotes what needs it', () => {
  expect(toCsv(['a', 'b'], [['x,y', 1], ['say "hi"', undefined]])).toBe('a,b\r\n"x,y",1\r\n"say ""hi""",\r\n');
});

test('spans of one lane do not overlap, and the lowest lane comes first', () => {
  const spans = [[0, 5], [1, 2], [2, 9], [5, 6]].map(([from, to]) => ({from, to, slot: 0}));
  expect(lanesOf(spans)).toEqual([0, 1, 1, 0]);
});

test('a span whose slot is told is in its lane, and one without takes none that is used meanwhile', () => {
  const spans = [[0, 4, 2], [1, 6, 0], [4, 9, 2], [6, 8, 0], [7, 9, 1], [9, 10, 0]].map(([from, to, slot]) => ({from, to, slot}));
  expect(lanesOf(spans)).toEqual([1, 0, 1, 2, 0, 0]);
});

test('what a worker runs is in its slot, and the rest in the free ones', () => {
  const [a, b, c, d] = [3, 0, 1, 1].map((slot, id) => ({id, slot}));
  expect(seatsOf(5, [a, b, c, d])).toEqual([d, b, a, c, undefined]);
});

test('a place is told as far as it is known', () => {
  expect(placeText('node7', 2, '3: NVIDIA H100')).toBe('node7, slot 2, GPU 3: NVIDIA H100');
  expect(placeText('client', 0, '')).toBe('client');
});

test('a parameter is active with its parent only', () => {
  const {parameters} = create(StudySpecSchema, {parameters: networkParameters});
  const names = (optimizer: string) => activeParameters(parameters, {optimizer}).map(({name}) => name);
  expect(names('sgd')).toContain('momentum');
  expect(names('adam')).not.toContain('momentum');
});

test('records are COMPLETED, keep bounds, and ran to the end of a schedule', () => {
  const spec = create(StudySpecSchema, {
    metrics: [{name: 'loss', goal: Goal.MINIMIZE}, {name: 'size', goal: Goal.MINIMIZE, bound: 10}],
    schedule: {maxSteps: 9n},
  });
  const trial = (number: number, loss: number, size: number, toStep: number, state = 'COMPLETED') =>
    ({number, state, toStep, metrics: {loss, size}}) as unknown as Trial;
  const trials = [trial(0, 5, 1, 9), trial(1, 1, 1, 3), trial(2, 2, 99, 9), trial(3, 3, 1, 9), trial(4, 4, 1, 9), trial(5, 0, 1, 9, 'STOPPED')];
  const metric = create(MetricSchema, {name: 'loss', goal: Goal.MINIMIZE});
  expect(recordsOf(spec, metric, trials, ({number}) => number).map(({number}) => number)).toEqual([0, 3]);
});

test('a study as text becomes a form and a study again, zeros too', () => {
  const text = '{"name": "s", "metrics": [{"name": "loss", "goal": "MINIMIZE"}], "parameters": [{"name": "x", "double": {"min": 0, "max": 1}}]}';
  const draft = fromText(text);
  expect(draft.parameters[0].double).toEqual({min: 0, max: 1});
  const spec = toSpec(draft);
  expect(spec.stopping).toBeUndefined();
  expect(spec.trial).toBeUndefined();
  expect(() => fromText('{"nam": "s"}')).toThrow(/nam/);
  expect(parseList('adam, 0.5, true,')).toEqual(['adam', 0.5, true]);
});

test('numbers, times and sizes are short', () => {
  expect([0.00442621, 1.25e-7, 12345, 0, NaN, -Infinity].map((value) => formatNumber(value))).toEqual(
    ['0.0044262', '1.25e-7', '12,345', '0', 'NaN', '−∞']);
  expect([0.15, 41, 3723, 90061].map(formatDuration)).toEqual(['0.15 s', '41 s', '1 h 2 min', '1 d 1 h']);
  expect(formatBytes(85_899_345_920)).toBe('80 GiB');
});
