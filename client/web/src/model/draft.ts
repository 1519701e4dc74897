import {type DescMessage, fromJson, type JsonObject, ScalarType, toJson} from '@bufbuild/protobuf';

import {type Study, type StudySpec, StudySpecSchema} from '../gen/assay/v1/study_pb';
import type {Scalar} from './format';

/**
 * A study that is being written: the JSON form of StudySpec, as in a study file. The form and the
 * text are two views of it. (The shape is the proto's; fromJson() checks it.)
 */
export type Draft = Record<string, any>;

export function emptyDraft(): Draft {
  return complete({
    name: '',
    metrics: [{name: '', goal: 'MAXIMIZE'}],
    parameters: [{name: '', double: {min: null, max: null}}],
    algorithm: {auto: {}},
    budget: {max_trials: 100},
  });
}

/** A new study like another one, that learns from it. */
export function cloneOf(study: Study): Draft {
  const spec = toJson(StudySpecSchema, study.spec!, {useProtoFieldName: true}) as JsonObject;
  return complete({...spec, name: `${study.spec!.name}-2`, seed: undefined, warm_start: [{study: String(study.id), trust: 'SAME'}]});
}

/** From a text; throws with what is wrong. */
export function fromText(text: string): Draft {
  return complete(toJson(StudySpecSchema, fromJson(StudySpecSchema, JSON.parse(text)), {useProtoFieldName: true}) as JsonObject);
}

/** With what inputs are bound to. JSON leaves out zeros. */
function complete(draft: Draft): Draft {
  for (const part of ['algorithm', 'budget', 'stopping', 'trial', 'schedule']) draft[part] ??= {};
  for (const list of ['metrics', 'parameters', 'constraints', 'warm_start']) draft[list] ??= [];
  for (const {double, integer} of draft.parameters)
    for (const range of [double, integer].filter((one) => one && one.min !== null)) Object.assign(range, {min: range.min ?? 0, max: range.max ?? 0});
  return draft;
}

/** Throws with what is wrong. Inputs that were left empty are left out. */
export function toSpec(draft: Draft): StudySpec {
  return fromJson(StudySpecSchema, written(draft) as JsonObject);
}

export function toText(draft: Draft): string {
  return JSON.stringify(written(draft), null, 2);
}

/** An empty `stopping`, `trial` or `schedule` would say something. */
function written(draft: Draft): unknown {
  const spec = withoutEmpty(draft) as Draft;
  for (const part of ['stopping', 'trial', 'schedule']) if (Object.keys(spec[part] ?? {}).length === 0) delete spec[part];
  return spec;
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== null && part !== undefined && part !== '').map(([key, part]) => [key, withoutEmpty(part)]));
}

/** "adam, 0.5, true": each is what it looks like. */
export function parseList(text: string): Scalar[] {
  return text.split(',').map((part) => part.trim()).filter(Boolean).map((part) => {
    if (part === 'true' || part === 'false') return part === 'true';
    return Number.isNaN(Number(part)) ? part : Number(part);
  });
}

export function listText(values: Scalar[] | undefined): string {
  return (values ?? []).join(', ');
}

// --- What a message of the schema has, for inputs -----------------------------

export interface Field {
  name: string;
  kind: 'number' | 'whole' | 'text' | 'flag';
  choices?: string[];
}

/** Fields with one plain value, outside of oneofs. */
export function plainFields(message: DescMessage): Field[] {
  return message.fields.flatMap((field): Field[] => {
    if (field.oneof) return [];
    if (field.fieldKind === 'enum') return [{name: field.name, kind: 'text', choices: field.enum.values.slice(1).map(({name}) => name)}];
    if (field.fieldKind !== 'scalar') return [];
    if (field.scalar === ScalarType.STRING) return [{name: field.name, kind: 'text'}];
    if (field.scalar === ScalarType.BOOL) return [{name: field.name, kind: 'flag'}];
    return [{name: field.name, kind: field.scalar === ScalarType.DOUBLE ? 'number' : 'whole'}];
  });
}

/** The messages of a oneof by name. */
export function choicesOf(message: DescMessage, oneof: string): Record<string, DescMessage> {
  const fields = message.oneofs.find(({name}) => name === oneof)!.fields;
  return Object.fromEntries(fields.flatMap((field) => (field.fieldKind === 'message' ? [[field.name, field.message]] : [])));
}

export function words(name: string): string {
  return name.replaceAll('_', ' ');
}
