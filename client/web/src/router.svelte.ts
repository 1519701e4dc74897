// The address is the state: #/studies/3/curves?metric=loss&where=lr:1e-4~1e-2. A page that is
// served as plain files needs nothing of the server for that.

interface Route {
  path: string[];
  query: Record<string, string>;
}

function parse(hash: string): Route {
  const [path, query] = hash.replace(/^#?\/?/, '').split('?', 2);
  return {
    path: path.split('/').filter(Boolean).map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

let current = $state.raw(parse(location.hash));
addEventListener('hashchange', () => (current = parse(location.hash)));

export const route = {
  get path() {
    return current.path;
  },
  get query() {
    return current.query;
  },
};

export function href(path: (string | number | bigint)[], query: Record<string, string> = {}): string {
  const search = new URLSearchParams(query).toString();
  return `#/${path.map((part) => encodeURIComponent(String(part))).join('/')}${search && `?${search}`}`;
}

export function go(path: (string | number | bigint)[], query: Record<string, string> = {}) {
  location.hash = href(path, query);
}

/** Changes parts of the query in place, without a new entry in the history; '' removes one. */
export function setQuery(changes: Record<string, string>) {
  const merged = {...current.query, ...changes};
  const query = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
  current = {path: current.path, query};
  history.replaceState(null, '', href(current.path, query));
}
