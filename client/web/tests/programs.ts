import {type ChildProcess, spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

// The page may have been built, and this may run, in a copy of client/web.
const root = process.env.ASSAY_SOURCE_DIR ?? resolve(fileURLToPath(import.meta.url), '../../../..');
const binaries = process.env.ASSAY_BIN_DIR ?? join(root, 'build/dev/bin');
const startMilliseconds = 20_000;

/** A coordinator and its worker as programs of their own; nothing outlives stop(). */
export class Programs {
  readonly #folder = mkdtempSync(join(tmpdir(), 'assay-web-'));
  readonly #children: ChildProcess[] = [];
  #server: ChildProcess | undefined;
  /** HOST:PORT. */
  grpc = '';
  http = '';

  /** A server that ran before goes on with its data and its addresses. */
  async startServer() {
    const server = this.#spawn('assay-server', [
      '--data-dir', join(this.#folder, 'data'), '--grpc', this.grpc || '127.0.0.1:0', '--http', this.http || '127.0.0.1:0']);
    [this.grpc, this.http] = await listening(server);
    this.#server = server;
  }

  stopServer(): Promise<void> {
    return end(this.#server!);
  }

  startWorker(name: string, slots: number) {
    this.#spawn('assay-worker', [
      '--server', this.grpc, '--name', name, '--slots', String(slots), '--allow-any-command', '--drain', 'hand-back', '--grace', '1',
      '--state-dir', join(this.#folder, name)]);
  }

  async stop() {
    for (const child of [...this.#children].reverse()) await end(child);
    rmSync(this.#folder, {recursive: true, force: true});
  }

  #spawn(program: string, arguments_: string[]): ChildProcess {
    const child = spawn(join(binaries, program), arguments_, {stdio: ['ignore', 'ignore', 'pipe']});
    this.#children.push(child);
    child.stderr!.resume();
    return child;
  }
}

/** The command of a trial that trains for a while: train.py. */
export function trainCommand(...arguments_: string[]): string[] {
  return ['python3', join(root, 'client/web/tests/train.py'), ...arguments_];
}

function listening(server: ChildProcess): Promise<[string, string]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('assay-server does not listen')), startMilliseconds);
    server.on('error', reject);
    server.on('exit', (code) => reject(new Error(`assay-server ended with ${code}`)));
    createInterface(server.stderr!).on('line', (line) => {
      const found = /gRPC on (\S+), HTTP on (\S+)/.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve([found[1], found[2]]);
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  });
}
