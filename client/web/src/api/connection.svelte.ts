import {Code, ConnectError, type Interceptor} from '@connectrpc/connect';

// Whether the server answers, as the last call found it.
let away = $state('');
let returns = $state(0);

export const connection = {
  /** Why no server answers; '' while one does. */
  get away() {
    return away;
  },
  /** How often it came back: what failed meanwhile is worth another try. */
  get returns() {
    return returns;
  },
};

/** True where nobody answered, rather than somebody said no. */
export function isAway(error: unknown): boolean {
  const {code, cause} = ConnectError.from(error);
  return code === Code.Unavailable || cause instanceof TypeError;
}

function answered() {
  if (away) returns++;
  away = '';
}

export const observeConnection: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    answered();
    return response;
  } catch (error) {
    if (isAway(error)) away = 'The server does not answer.';
    else if (ConnectError.from(error).code !== Code.Canceled) answered();
    throw error;
  }
};
