import {create} from '@bufbuild/protobuf';

import {type Budget, BudgetSchema} from '../gen/assay/v1/study_pb';

/** As inputs have it: null or undefined is no limit. */
export type BudgetFields = Record<string, number | null | undefined>;

export const budgetLimits = [
  {key: 'maxTrials', name: 'Configurations', isWhole: true},
  {key: 'maxParallel', name: 'Trials at the same time', isWhole: true},
  {key: 'maxSeconds', name: 'Wall time in seconds', isWhole: false},
  {key: 'maxStepsTotal', name: 'Steps of all trials', isWhole: true},
  {key: 'maxTrainingSeconds', name: 'Training time in seconds', isWhole: false},
  {key: 'maxFailed', name: 'Failed trials', isWhole: true},
  {key: 'target', name: 'Target of the first objective', isWhole: false},
] as const;

export function budgetFields(budget: Budget | undefined): BudgetFields {
  return Object.fromEntries(budgetLimits.map(({key}) => {
    const value = budget?.[key];
    return [key, value === undefined ? undefined : Number(value)];
  }));
}

export function toBudget(fields: BudgetFields): Budget {
  const budget = create(BudgetSchema);
  for (const {key, isWhole} of budgetLimits) {
    const value = fields[key];
    if (value != null) Object.assign(budget, {[key]: isWhole ? BigInt(value) : value});
  }
  return budget;
}
