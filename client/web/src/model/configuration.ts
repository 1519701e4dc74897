import {create, toJson} from '@bufbuild/protobuf';
import {ListValueSchema, type Value, ValueSchema} from '@bufbuild/protobuf/wkt';

import {type Parameter, Scale} from '../gen/assay/v1/study_pb';
import {scaleOf, valuesOf} from './axis';
import {formatNumber, formatValue, type Scalar} from './format';
import {scalar} from './trial';

/** Those that exist where the others have these values. */
export function activeParameters(parameters: Parameter[], values: Record<string, Scalar>): Parameter[] {
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const valueOf = (parameter: Parameter) => values[parameter.name] ?? startValue(parameter);
  const isActive = ({when}: Parameter): boolean => {
    if (!when) return true;
    const parent = byName.get(when.parent);
    const wanted = toJson(ListValueSchema, when.values ?? create(ListValueSchema)) as Scalar[];
    return parent !== undefined && isActive(parent) && wanted.includes(valueOf(parent));
  };
  return parameters.filter(isActive);
}

/** The default, else the middle. */
export function startValue(parameter: Parameter): Scalar {
  return parameter.default ? scalar(parameter.default) : middle(parameter);
}

function middle(parameter: Parameter): Scalar {
  const value = scaleOf(parameter).fromUnit(0.5);
  const {domain} = parameter;
  const step = domain.case === 'double' ? domain.value.step : domain.case === 'integer' ? Number(domain.value.step) : 0;
  if (!step || typeof value !== 'number') return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
  const {min} = domain.value as {min: number | bigint};
  return Number(min) + Math.floor((value - Number(min)) / step) * step;
}

export function domainText(parameter: Parameter): string {
  const {domain} = parameter;
  if (domain.case === 'double' || domain.case === 'integer') {
    const {min, max, scale} = domain.value;
    const bend = scale > Scale.LINEAR ? `, ${Scale[scale].toLowerCase().replace('_', ' ')}` : '';
    return `${formatNumber(Number(min))} to ${formatNumber(Number(max))}${bend}`;
  }
  const values = valuesOf(parameter);
  return values.length > 4 ? `${values.length} values` : values.map(formatValue).join(', ');
}

export function toValue(value: Scalar): Value {
  const kind =
    typeof value === 'number' ? {case: 'numberValue' as const, value}
    : typeof value === 'boolean' ? {case: 'boolValue' as const, value}
    : {case: 'stringValue' as const, value};
  return create(ValueSchema, {kind});
}

export function toValues(values: Record<string, Scalar>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toValue(value)]));
}
